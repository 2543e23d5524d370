/** The options this program reads or writes, by what they hold. `option-names.ts` knows the others, too. */
export const optionCodes = {
  /** One byte of nothing, without a length (RFC 2132 §3.1). */
  pad: 0,
  subnetMask: 1,
  router: 3,
  dnsServers: 6,
  hostname: 12,
  domain: 15,
  interfaceMtu: 26,
  broadcastAddress: 28,
  ntpServers: 42,
  vendorEncapsulated: 43,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterRequestList: 55,
  errorMessage: 56,
  maxMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClass: 60,
  clientIdentifier: 61,
  tftpServerName: 66,
  bootFile: 67,
  userClass: 77,
  relayAgent: 82,
  clientArchitecture: 93,
  undiVersion: 94,
  machineIdentifier: 97,
  subnetSelection: 118,
  domainSearch: 119,
  classlessRoutes: 121,
  ipxe: 175,
  /** The end of a field of options, without a length (RFC 2132 §3.2). */
  end: 255,
} as const

/** Sub-options of the relay agent information (RFC 3046 and the RFCs named). */
export const relayCodes = {
  circuitId: 1,
  remoteId: 2,
  /** RFC 3527: the subnet the client is on, where giaddr says something else. */
  linkSelection: 5,
  /** RFC 5107: the address the client shall take for the server's. */
  serverIdentifierOverride: 11,
  /** RFC 8357: the relay wants its replies at the port it sent from. */
  sourcePort: 19,
} as const

/** PXE's sub-options of option 43 (PXE 2.1). */
export const pxeCodes = {
  discoveryControl: 6,
  multicastAddress: 7,
  bootServers: 8,
  bootMenu: 9,
  menuPrompt: 10,
  bootItem: 71,
} as const

/** Sub-options of option 175, after iPXE's `include/ipxe/dhcp.h`. */
export const ipxeCodes = {
  /** A signed number; of two offers iPXE takes the one with the higher. */
  priority: 1,
  http: 19,
  bzImage: 24,
  efi: 36,
  /** Tells iPXE not to wait for a ProxyDHCP server. */
  noProxyDhcp: 176,
  version: 235,
} as const
