import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import t from 'tap'
import { stringify } from 'yaml'
import { formatMistakes } from '../../server/config/format-mistakes.ts'
import { readConfig } from '../../server/config/read-config.ts'
import { workMs } from '../work-ms.ts'

const read = (text: string) => readConfig(text, 'ironwake.yaml', '/etc/ironwake')

t.test('no settings at all give the defaults, in which nobody is answered', async (t) => {
  for (const text of ['', '\n', '# nothing yet\n', '---\n', 'networks:\nimages:\napprove:\nhttp:\n']) {
    t.strictSame(read(text), {
      kind: 'config',
      config: {
        dataFolder: '/etc/ironwake/data',
        http: { port: 8080, deliveryPort: 8081, streams: 64 },
        api: { listen: { kind: 'addresses', addresses: [] }, port: 8443, names: [] },
        bootProgramFolders: [
          '/etc/ironwake/data/boot-programs',
          '/usr/lib/ipxe',
          '/usr/share/ipxe',
          '/usr/lib/shim',
          '/usr/lib/grub/x86_64-efi-signed',
          '/usr/lib/grub/arm64-efi-signed',
        ],
        bootFiles: new Map(),
        networks: [],
        approve: { kind: 'these', macs: new Set() },
        sightings: { keep: 2_000 },
        images: [],
        imageSync: {
          images: [],
          versions: 1,
          downloads: 3,
          rateBytes: undefined,
          proxy: { kind: 'environment' },
          mirrors: [],
          catalogueFolder: undefined,
        },
        imageStore: { keep: 2 },
        jobs: { syncImages: '10 3 * * *', sweepImages: '40 4 * * *' },
        defaults: { method: 'ram', image: undefined, kernelParameters: [], sshAuthorizedKeys: [] },
        machines: [],
        clusters: [],
        kubernetes: {
          packages: 'https://pkgs.k8s.io/core:/stable:/v{minor}/deb/',
          packagesKeyFile: undefined,
        },
        events: { keepDays: 30 },
      },
    })
  }
})

t.test('the example has no mistakes and means what its comments say', async (t) => {
  const example = new URL('../../ironwake.example.yaml', import.meta.url)
  const result = read(readFileSync(example, 'utf8'))
  if (result.kind === 'mistakes') {
    t.fail(formatMistakes(readFileSync(example, 'utf8'), 'ironwake.example.yaml', result.mistakes))
    return
  }
  const { config } = result
  t.equal(config.dataFolder, '/etc/ironwake/data')
  t.strictSame(config.networks[0], {
    name: 'rack-1',
    interface: 'eth1',
    mode: 'full',
    address: '10.20.0.1',
    prefixLength: 24,
    probe: true,
    pool: { first: '10.20.0.100', last: '10.20.0.199' },
    router: '10.20.0.1',
    dnsServers: ['10.20.0.1'],
    domain: 'rack-1.example',
    loader: 'ipxe',
    link: 900e6,
    identity: 'smbios',
    leaseSeconds: { firmware: 120, system: 43_200 },
    reservations: [{ mac: '52:54:00:12:34:56', address: '10.20.0.10', hostname: 'node-1' }],
  })
  t.strictSame(config.imageSync, {
    images: ['ubuntu-24.04-amd64', 'ubuntu-*-disk-amd64'],
    versions: 2,
    downloads: 3,
    rateBytes: 50_000_000,
    proxy: { kind: 'proxy', url: 'http://proxy.example:3128', except: ['mirror.example'] },
    mirrors: [
      {
        of: 'images.maas.io',
        base: 'https://mirror.example/maas/',
        files: 'https://mirror.example/maas/',
        keyring: '/etc/ironwake/mirror.gpg',
      },
    ],
    catalogueFolder: '/etc/ironwake/catalogue',
  })
  t.strictSame(
    config.networks.map(({ name, mode, relayed }) => [name, mode, relayed]),
    [
      ['rack-1', 'full', undefined],
      ['eth1.20', 'full', undefined],
      ['eth2', 'proxy', undefined],
      ['eth3', 'observe', undefined],
      ['rack-9', 'full', { network: '10.9.0.0', prefixLength: 24 }],
    ],
  )
  t.strictSame(config.clusters, [{ name: 'lab', identity: 'claim' }])
  t.match(read('networks: [{interface: eth0, authoritative: true}]'), {
    config: { networks: [{ authoritative: true }] },
  })
  t.match(read('boot-files: {21: boot.scr, "22": my-ipxe.efi, other: ipxe.efi}'), {
    config: {
      bootFiles: new Map<number | 'other', string>([
        [21, 'boot.scr'],
        [22, 'my-ipxe.efi'],
        ['other', 'ipxe.efi'],
      ]),
    },
  })
  t.match(read('networks: [{interface: eth0.20, probe: false}]'), {
    config: { networks: [{ name: 'eth0.20', interface: 'eth0.20', probe: false }] },
  })
  t.match(config.approve, {
    kind: 'these',
    macs: new Set(['52:54:00:12:34:56']),
    likenesses: [
      { serials: ['7XK*'], gives: { method: 'disk', disk: { text: 'smallest' }, cluster: 'lab' } },
    ],
  })
  t.strictSame(config.machines[0]?.kernelParameters, ['console=ttyS1,115200'])
  t.strictSame(config.machines[0]?.sshAuthorizedKeys, config.defaults.sshAuthorizedKeys)
  t.equal(config.machines[0]?.image, 'noble')
  t.equal(config.machines[1]?.method, 'local')
  t.match(config.machines[2], {
    method: 'disk',
    image: 'ubuntu-24.04-disk-amd64',
    ephemeral: 'noble',
    disk: { text: 'size>=400G smallest', order: 'smallest' },
    wipe: false,
    cluster: 'lab',
    role: 'worker',
    labels: { rack: 'r1' },
    taints: [{ key: 'dedicated', value: 'storage', effect: 'NoSchedule' }],
    zone: 'hall-2',
  })
})

t.test('what a machine has of its own of a cluster replaces the default, key by key', async (t) => {
  const settings = `api: {listen: networks}
images: [{name: noble, folder: /srv/noble}]
defaults: {cluster: lab, labels: {rack: r1, row: "4"}, taints: ["dedicated:NoExecute"]}
machines:
  - {mac: "52:54:00:12:34:56", role: control-plane, labels: {rack: r2}, taints: []}
  - {mac: "52:54:00:12:34:57", cluster: prod, zone: hall-2}
`
  const result = read(settings)
  const [first, second] = result.kind === 'config' ? result.config.machines : []
  t.match(first, { cluster: 'lab', role: 'control-plane', taints: [] })
  t.strictSame(first?.labels, { rack: 'r2' })
  t.match(second, { cluster: 'prod', zone: 'hall-2', taints: [{ key: 'dedicated', effect: 'NoExecute' }] })
  t.strictSame(second?.labels, { rack: 'r1', row: '4' })
  t.equal(second?.role, undefined)
})

t.test('a rule of approve says which machines it means, and what they are to have', async (t) => {
  const settings = `api: {listen: networks}
images: [{name: noble, folder: /srv/noble}]
approve:
  - "52:54:00:12:34:56"
  - {mac: ["52:54:00:12:34:57", "52:54:00:12:34:58"], cluster: lab}
  - {serial: "7XK*", manufacturer: [Dell*, HPE], method: disk, image: jammy, disk: smallest, wipe: true, role: worker}
machines:
  - {mac: "52:54:00:12:34:57", zone: a}
`
  const result = read(settings)
  t.strictSame(result.kind === 'config' ? result.config.approve : result.mistakes, {
    kind: 'these',
    macs: new Set(['52:54:00:12:34:56']),
    likenesses: [
      {
        text: 'mac 52:54:00:12:34:57 and 1 more',
        macs: new Set(['52:54:00:12:34:57', '52:54:00:12:34:58']),
        gives: { cluster: 'lab' },
      },
      {
        text: 'serial 7XK*, manufacturer Dell* and 1 more',
        serials: ['7XK*'],
        manufacturers: ['Dell*', 'HPE'],
        gives: {
          method: 'disk',
          image: 'jammy',
          disk: { text: 'smallest', terms: [], order: 'smallest' },
          wipe: true,
          role: 'worker',
        },
      },
    ],
  })
  t.match(result, { config: { machines: [{ own: { zone: 'a' } }] } })
})

t.test('what a machine has of its own of a disk replaces the default, key by key', async (t) => {
  const settings = `images: [{name: noble, folder: /srv/noble}]
defaults: {method: disk, image: jammy, disk: smallest, wipe: true}
machines:
  - {mac: "52:54:00:12:34:56", disk: serial=A}
  - {mac: "52:54:00:12:34:57", wipe: false}
`
  t.match(read(settings), {
    config: {
      machines: [
        { method: 'disk', ephemeral: 'noble', disk: { text: 'serial=A' }, wipe: true },
        { method: 'disk', ephemeral: 'noble', disk: { text: 'smallest' }, wipe: false },
      ],
    },
  })
})

t.test('relative folders begin where the settings file lies', async (t) => {
  const result = read('data: ../state\nboot-programs: [roms, /opt/roms]\nimages: [{name: a, folder: ./a}]\n')
  t.match(result, {
    config: {
      dataFolder: '/etc/state',
      bootProgramFolders: ['/etc/ironwake/roms', '/opt/roms'],
      images: [{ name: 'a', folder: '/etc/ironwake/a' }],
      defaults: { image: 'a' },
    },
  })
})

t.test('every way to write a MAC gives the same machine', async (t) => {
  for (const mac of ['52:54:00:AB:CD:EF', '52-54-00-ab-cd-ef', '5254.00ab.cdef', '525400abcdef']) {
    t.match(read(`approve: ["${mac}"]`), { config: { approve: { macs: new Set(['52:54:00:ab:cd:ef']) } } })
  }
})

t.test('all mistakes are told at once, in the order of their lines', async (t) => {
  const text = [
    'htp: {port: 1}', // 1
    'http: {port: 99999}', // 2
    'networks:', // 3
    '  - interface: eth0', // 4
    '    mode: ful', // 5
    '    pool: 10.0.0.9-10.0.0.1', // 6
    '  - interface: eth0', // 7
    '    dns: [10.0.0.256]', // 8
    'machines:', // 9
    '  - mac: 52:54:00:00:00:01', // 10
    '    image: noble@', // 11
    'images: [{name: noble, folder: /n}]', // 12
  ].join('\n')
  const result = read(text)
  t.equal(result.kind, 'mistakes')
  if (result.kind !== 'mistakes') return
  t.strictSame(
    result.mistakes.map(({ line, path }) => `${line} ${path}`),
    [
      '1 htp',
      '2 http.port',
      '5 networks[0].mode',
      '6 networks[0].pool',
      '7 networks[1].interface',
      '8 networks[1].dns[0]',
      '11 machines[0].image',
    ],
  )
})

t.test('no text makes the reader throw', async (t) => {
  const yaml = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc.string({ unit: fc.constantFrom(...'{}[]:-,&*#!|>\'"% \n\tabc019.~?<@`\\'.split('')), maxLength: 120 }),
    fc.jsonValue().map((value) => stringify(value)),
    fc
      .dictionary(
        fc.constantFrom('networks', 'approve', 'machines', 'images', 'http', 'defaults', 'data', '__proto__'),
        fc.oneof(
          fc.jsonValue(),
          fc.array(
            fc.dictionary(
              fc.constantFrom('interface', 'pool', 'mac', 'mode', 'address', 'name'),
              fc.jsonValue(),
            ),
          ),
        ),
      )
      .map((value) => stringify(value)),
  )
  let accepted = 0
  fc.assert(
    fc.property(yaml, (text) => {
      const result = read(text)
      if (result.kind === 'config') {
        accepted += 1
        return true
      }
      const shown = formatMistakes(text, 'ironwake.yaml', result.mistakes)
      const lineCount = text.split('\n').length
      return (
        result.mistakes.length > 0 &&
        shown.length > 0 &&
        result.mistakes.every(
          ({ line, column, because }) => line >= 1 && line <= lineCount && column >= 1 && because !== '',
        )
      )
    }),
    { numRuns: 400 },
  )
  t.ok(accepted > 0, 'some texts were accepted')
})

t.test('settings written from values read back as those values', async (t) => {
  const octet = fc.integer({ min: 1, max: 254 })
  const mac = fc
    .array(fc.integer({ min: 0, max: 255 }), { minLength: 5, maxLength: 5 })
    .map((bytes) => ['52', ...bytes.map((b) => b.toString(16).padStart(2, '0'))].join(':'))
  fc.assert(
    fc.property(
      octet,
      octet,
      fc.uniqueArray(mac, { maxLength: 9 }),
      fc.integer({ min: 10, max: 9_999 }),
      (low, span, macs, firmware) => {
        const pool = `10.9.0.${low}-10.9.1.${span}`
        const text = stringify({
          networks: [{ interface: 'eth0', mode: 'full', pool, lease: { firmware } }],
          approve: macs,
        })
        const result = read(text)
        if (result.kind === 'mistakes') return false
        const [network] = result.config.networks
        t.strictSame(network?.pool, { first: `10.9.0.${low}`, last: `10.9.1.${span}` })
        return (
          network?.leaseSeconds.firmware === firmware &&
          result.config.approve.kind === 'these' &&
          [...result.config.approve.macs].join() === macs.join()
        )
      },
    ),
  )
})

t.test('a file made to exhaust the reader is refused at once', async (t) => {
  const bombs: Readonly<Record<string, string>> = {
    'too large': `# ${'x'.repeat(1_100_000)}`,
    'nested flow': '['.repeat(20_000),
    'nested block': `${'- '.repeat(5_000)}x`,
    'nested maps': Array.from({ length: 400 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
    'anchors in anchors': [
      'a: &a [x, x, x, x, x, x, x, x, x, x]',
      ...'bcdefghi'
        .split('')
        .map(
          (key, i) => `${key}: &${key} [${Array.from({ length: 10 }, () => `*${'abcdefgh'[i]}`).join(', ')}]`,
        ),
    ].join('\n'),
    'an anchor in itself': 'approve: &a [*a]\nnetworks: &n [{interface: *n}]\nmachines: &m {mac: *m}',
    'a chain of anchors': [
      'a0: &a0 []',
      ...Array.from({ length: 2_000 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}]`),
    ].join('\n'),
  }
  for (const [name, text] of Object.entries(bombs)) {
    let result: ReturnType<typeof read> | undefined
    const took = workMs(() => (result = read(text)))
    t.equal(result?.kind, 'mistakes', name)
    t.ok(took < 2_000, `${name}: in ${took} ms`)
    if (result?.kind === 'mistakes')
      t.ok(formatMistakes(text, 'x.yaml', result.mistakes).length < 100_000, name)
  }
})

t.test('a network and a machine may each say what UEFI loads first', async (t) => {
  const text = [
    'networks: [{interface: eth1, loader: shim-grub}, {interface: eth2}]',
    'defaults: {method: local}',
    'machines: [{mac: "52:54:00:12:34:56", loader: ipxe}, {mac: "52:54:00:12:34:57"}]',
  ]
  const result = read(text.join('\n'))
  t.match(result, { config: { networks: [{ loader: 'shim-grub' }, {}], machines: [{ loader: 'ipxe' }, {}] } })
  const { config } = result as Extract<typeof result, { kind: 'config' }>
  t.notOk('loader' in config.networks[1]!)
  t.notOk('loader' in config.machines[1]!)
  t.match(read('networks: [{interface: eth1, loader: grub}]'), { kind: 'mistakes' })
})

t.test('a network and a machine may each fix what is offered in mode proxy', async (t) => {
  const text = [
    'networks: [{interface: eth1, mode: proxy, proxy-offer: without-43}, {interface: eth2, mode: proxy}]',
    'defaults: {method: local}',
    'machines: [{mac: "52:54:00:12:34:56", proxy-offer: ladder}, {mac: "52:54:00:12:34:57"}]',
  ]
  const result = read(text.join('\n'))
  t.match(result, {
    config: { networks: [{ proxyOffer: 'without-43' }, {}], machines: [{ proxyOffer: 'ladder' }, {}] },
  })
  const { config } = result as Extract<typeof result, { kind: 'config' }>
  t.notOk('proxyOffer' in config.networks[1]!)
  t.notOk('proxyOffer' in config.machines[1]!)
})

t.test('how a machine is switched on is read, with its secrets by their place', async (t) => {
  const text = [
    'defaults: {method: local}',
    'machines:',
    '  - mac: "52:54:00:12:34:56"',
    '    power: {kind: redfish, url: "https://10.0.9.1", user: ops, password-file: bmc, fingerprint: "sha256:' +
      'AB:'.repeat(31) +
      'CD"}',
    '  - mac: "52:54:00:12:34:57"',
    '    power: {kind: ipmi, host: bmc-7.example, user: ops, password-env: BMC}',
    '  - mac: "52:54:00:12:34:58"',
    '    power: {kind: webhook, url: "http://10.0.9.9/on", insecure: true}',
    '  - {mac: "52:54:00:12:34:59"}',
  ]
  const result = read(text.join('\n'))
  t.match(result, {
    config: {
      machines: [
        {
          power: {
            kind: 'redfish',
            password: { kind: 'file', path: /^\/.*\/bmc$/ },
            trust: { kind: 'fingerprint', sha256: `${'ab'.repeat(31)}cd` },
          },
        },
        { power: { kind: 'ipmi', port: 623, password: { kind: 'environment', name: 'BMC' } } },
        { power: { kind: 'webhook', trust: { kind: 'insecure' } } },
        {},
      ],
    },
  })
  const { config } = result as Extract<typeof result, { kind: 'config' }>
  t.notOk('power' in config.machines[3]!)
})
