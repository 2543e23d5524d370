/** Widths of the fixed fields in bytes (RFC 2131 §2, table 1). */
export const chaddrWidth = 16
export const snameWidth = 64
export const fileWidth = 128

/** 99.130.83.99, before the first option (RFC 2131 §3). */
export const magicCookie = 0x6382_5363

/** What an option's length byte can say at most; longer ones are written in parts (RFC 3396). */
export const longestPart = 255

/** Values of option 52: the fields that hold options instead of names (RFC 2132 §9.3). */
export const overloads = { none: 0, file: 1, sname: 2, both: 3 } as const

/** The flag that asks for a broadcast, the only one there is (RFC 2131 §2, figure 2). */
export const broadcastFlag = 0x8000
