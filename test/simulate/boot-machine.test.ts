import t from 'tap'
import { inPhase, type BootEnd, type Deed, type Found } from '../../server/simulate/course.ts'
import { bootMachine } from '../../server/simulate/boot-machine.ts'
import { chanceFrom } from '../../server/simulate/chance.ts'
import { faults, firmwares, rackOf, type Fault, type RackMachine } from '../../server/simulate/rack.ts'
import { seedFor } from '../../server/cloud-init/seed.ts'
import { parseReport } from '../../server/cloud-init/parse-report.ts'
import { parsePhoneHome } from '../../server/cloud-init/parse-phone-home.ts'
import { parseBootQuery } from '../../server/ipxe-scripts/parse-boot-query.ts'
import { renderChain, renderLocal, renderRam } from '../../server/ipxe-scripts/render-scripts.ts'
import { messageTypeOf } from '../../server/dhcp/options.ts'
import { Box, captured } from '../boot/a-box.ts'
import { ourTemplates } from '../ipxe-scripts/our-templates.ts'
import { walk } from './walk.ts'

const base = 'http://10.77.0.1:8080'
const images = 'http://10.77.0.1:8081/images/rack'
const templates = ourTemplates

/** The appliance's own policy, scripts and seeds, without its sockets: what it would answer to each deed. */
class Appliance {
  readonly box = new Box(captured)
  readonly machine: RackMachine
  readonly reports: string[] = []
  readonly phoneHomes: string[] = []
  readonly fetched: string[] = []
  /** Stands in front of the rest: an answer of its own, or none. */
  readonly trouble: (deed: Deed) => Found | undefined

  constructor(machine: RackMachine, trouble: (deed: Deed) => Found | undefined = () => undefined) {
    this.machine = machine
    this.trouble = trouble
  }

  readonly answer = (deed: Deed): Found => {
    const trouble = this.trouble(deed)
    if (trouble !== undefined) return trouble
    switch (deed.kind) {
      case 'enter':
      case 'got':
      case 'take-address':
        return { kind: 'done' }
      case 'pause':
        this.box.now += deed.ms
        return { kind: 'done' }
      case 'ask': {
        this.box.now += 100
        const { reply } = this.box.ask(deed.message)
        const type = reply === undefined ? undefined : messageTypeOf(reply.message)
        if (reply === undefined || type === undefined || !deed.expects.includes(type)) {
          return { kind: 'failed', because: 'no answer' }
        }
        return { kind: 'reply', message: reply.message }
      }
      case 'fetch-tftp':
        this.fetched.push(deed.file)
        if (deed.sizeOnly || deed.diesAfterBlocks !== undefined) return { kind: 'done' }
        return { kind: 'file', byteCount: 5, checksum: 5 }
      case 'fetch-http':
        this.fetched.push(`${deed.method} ${deed.url.split('?')[0]}`)
        return this.http(deed)
    }
  }

  http(deed: Deed & { kind: 'fetch-http' }): Found {
    const { pathname, search } = new URL(deed.url)
    const [, first = '', second = ''] = pathname.split('/')
    if (first === 'chain.ipxe') return textOf(renderChain(templates, { url: `${base}/boot.ipxe` }))
    if (first === 'boot.ipxe') return this.script(search)
    if (first === 'seed') return this.seed(pathname.split('/').at(-1) ?? '')
    if (first === 'report') {
      this.reports.push(deed.body ?? '')
      return response('', 204)
    }
    if (first === 'phone-home') {
      this.phoneHomes.push(deed.body ?? '')
      return response('', 204)
    }
    if (first === 'programs' || second === 'rack') return response('12345', 200)
    return response('no', 404)
  }

  script(search: string): Found {
    const query = parseBootQuery(search)
    if (query.mac !== this.machine.mac || query.uuid !== this.machine.uuid) return response('who?', 400)
    if (query.serial !== this.machine.serial) return response('which?', 400)
    return textOf(
      renderRam(templates, {
        hostname: 'node-1',
        method: 'ram',
        image: 'rack',
        kernelUrl: `${images}/vmlinuz`,
        initrdUrl: `${images}/initrd`,
        squashfsUrl: `${images}/squashfs`,
        seedUrl: `${base}/seed/abc/`,
        kernelParameters: ['quiet'],
      }),
    )
  }

  seed(file: string): Found {
    const made = seedFor({
      instanceId: 'i-1',
      hostname: 'node-1',
      mac: this.machine.mac,
      reportUrl: `${base}/report/abc`,
      phoneHomeUrl: `${base}/phone-home/abc`,
      sshAuthorizedKeys: [],
    })
    if (made.kind === 'refused') throw new Error(made.because)
    const { metaData, userData, vendorData, networkConfig } = made.seed
    const texts: Record<string, string> = {
      'meta-data': metaData,
      'user-data': userData,
      'vendor-data': vendorData,
      'network-config': networkConfig,
    }
    return response(texts[file] ?? '', texts[file] === undefined ? 404 : 200)
  }
}

function response(text: string, status: number): Found & { kind: 'response' } {
  const byteCount = text.length
  const retryAfterSeconds = undefined
  return { kind: 'response', status, byteCount, announced: byteCount, checksum: 1, text, retryAfterSeconds }
}

function textOf(rendered: ReturnType<typeof renderChain>): Found {
  if (rendered.kind === 'refused') throw new Error(rendered.because)
  return response(rendered.text, 200)
}

function boot(appliance: Appliance): BootEnd {
  return walk(bootMachine(appliance.machine, chanceFrom(7)), appliance.answer).result
}

t.test('every firmware with every fault comes up, and cloud-init reports all of its stages', async (t) => {
  for (const firmware of firmwares) {
    for (const fault of [undefined, ...(Object.keys(faults) as Fault[])]) {
      const appliance = new Appliance({ ...one(firmware), fault })
      t.strictSame(boot(appliance), { kind: 'up', method: 'ram' }, `${firmware}, ${fault ?? 'sound'}`)
      const reports = appliance.reports.map((body) => parseReport(body))
      t.equal(reports.filter((one) => one.kind === 'report').length, 8)
      const last = reports.at(-1)
      t.match(last, { kind: 'report', report: { kind: 'finish', name: 'modules-final', result: 'SUCCESS' } })
      t.match(appliance.phoneHomes.map(parsePhoneHome), [{ phoneHome: { instanceId: 'i-1' } }])
    }
  }
})

t.test('each firmware fetches its own boot program in its own way', async (t) => {
  const programs = (firmware: (typeof firmwares)[number]): readonly string[] => {
    const appliance = new Appliance(one(firmware))
    boot(appliance)
    return appliance.fetched.slice(0, appliance.fetched.indexOf(`GET ${base}/chain.ipxe`))
  }
  t.strictSame(programs('bios'), [])
  t.strictSame(programs('rom'), ['undionly.kpxe'])
  t.strictSame(programs('uefi'), ['snponly.efi', 'snponly.efi'], 'the size first')
  t.strictSame(programs('http'), [`HEAD ${base}/programs/snponly.efi`, `GET ${base}/programs/snponly.efi`])
})

t.test('a machine that nobody gives an address is lost, and says why', async (t) => {
  const appliance = new Appliance(one('uefi'), (deed) =>
    deed.kind === 'ask' ? { kind: 'failed', because: 'no answer' } : undefined,
  )
  t.match(boot(appliance), { kind: 'lost', because: /no DHCP server/ })
})

t.test('a machine that is left to its disk says what its screen showed', async (t) => {
  const appliance = new Appliance(one('uefi'), (deed) =>
    deed.kind === 'fetch-http' && deed.url.includes('boot.ipxe')
      ? textOf(renderLocal(templates, { because: 'its method is local' }))
      : undefined,
  )
  t.match(boot(appliance), { kind: 'own-disk', because: /exit 1/ })
})

t.test('a machine that cannot reach the box says so', async (t) => {
  const because = 'connect ENETUNREACH 10.77.0.1:8080'
  for (const firmware of ['uefi', 'http'] as const) {
    const away = new Appliance(one(firmware), (deed) =>
      deed.kind === 'fetch-http' ? { kind: 'failed', because } : undefined,
    )
    t.match(boot(away), {
      kind: 'lost',
      because: /(?:gave no script|did not come by HTTP): connect ENETUNREACH/,
    })
  }
  const nonsense = new Appliance(one('uefi'), (deed) =>
    deed.kind === 'fetch-http' && deed.url.endsWith('chain.ipxe') ? response('<html>', 200) : undefined,
  )
  t.match(boot(nonsense), { because: /gave no script: what came is no script of iPXE/ })
})

t.test('a machine that comes up otherwise than it was to is lost', async (t) => {
  t.strictSame(boot(new Appliance({ ...one('uefi'), method: 'ram' })), { kind: 'up', method: 'ram' })
  t.match(boot(new Appliance({ ...one('uefi'), method: 'disk' })), {
    kind: 'lost',
    because: 'it was to come up by the method disk, and came up by ram',
  })
})

t.test('a part of a course counts for one phase, whatever it enters', async (t) => {
  const { result, deeds } = walk(
    inPhase('own-system', bootMachine(one('uefi'), chanceFrom(7))),
    new Appliance(one('uefi')).answer,
  )
  t.strictSame(result, { kind: 'up', method: 'ram' })
  t.strictSame(
    deeds.filter(({ kind }) => kind === 'enter'),
    [{ kind: 'enter', phase: 'own-system' }],
  )
})

t.test('a server that is busy is asked again when it says so', async (t) => {
  let refusals = 0
  const pauses: number[] = []
  const appliance = new Appliance(one('http'), (deed) => {
    if (deed.kind === 'pause') pauses.push(deed.ms)
    if (deed.kind !== 'fetch-http' || !deed.url.endsWith('squashfs') || refusals++ >= 2) return undefined
    return { ...response('', 503), retryAfterSeconds: 7 }
  })
  t.strictSame(boot(appliance), { kind: 'up', method: 'ram' })
  t.strictSame(pauses, [7_000, 7_000])
})

t.test('an image that broke off is fetched from there on', async (t) => {
  let first = true
  const begins: unknown[] = []
  const appliance = new Appliance(one('uefi'), (deed) => {
    if (deed.kind !== 'fetch-http' || !deed.url.endsWith('squashfs')) return undefined
    begins.push(deed.from)
    if (!first) return { ...response('345', 206), checksum: 9 }
    first = false
    return { ...response('12', 200), announced: 5, checksum: 4 }
  })
  t.strictSame(boot(appliance), { kind: 'up', method: 'ram' })
  t.strictSame(begins, [undefined, { byte: 2, checksum: 4 }])
})

t.test('other bytes than another machine was given are no boot', async (t) => {
  const appliance = new Appliance(one('uefi'), (deed) =>
    deed.kind === 'got' ? { kind: 'failed', because: 'other bytes' } : undefined,
  )
  t.match(boot(appliance), { kind: 'lost', because: /other bytes/ })
})

function one(firmware: (typeof firmwares)[number]): RackMachine {
  const [machine] = rackOf({ machines: 1, mix: [{ firmware, share: 1 }], methods: [], faults: [] })
  if (machine === undefined) throw new Error('an empty rack')
  return machine
}
