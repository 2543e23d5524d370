import { seedFiles, seedOf, type SeedTexts } from './cloud-init.ts'
import { Lost, type Course } from './course.ts'
import { patiently } from './patiently.ts'
import type { RackMachine } from './rack.ts'

// What a machine asks and tells that writes its disk, as `cloud-init/disk/ask-box` does for the programs beside it.

/** Of Ubuntu 24.04. */
export const curlAgent = 'curl/8.5.0'

/** The one disk of a machine of the rack; it is blank. */
export function diskOf({ index }: Pick<RackMachine, 'index'>) {
  const number = String(index + 1).padStart(6, '0')
  const serial = `RD${number}`
  return {
    name: 'sda',
    bytes: 480_103_981_056,
    serial,
    wwn: `0x5001d1e0${number.padStart(8, '0')}`,
    udevSerial: `Rack_SSD_480G_${serial}`,
    path: 'pci-0000:00:17.0-ata-1',
    model: 'Rack_SSD_480G',
  } as const
}

/** The inventory, as `ask-box` writes it. */
export function inventoryOf(machine: RackMachine): string {
  const { name, bytes, serial, wwn, udevSerial, path, model } = diskOf(machine)
  const inUefi = machine.firmware === 'uefi' || machine.firmware === 'http'
  return lines(
    'ironwake-inventory 1',
    `firmware ${inUefi ? 'uefi' : 'bios'}`,
    'firmware-version Virtual rack 1.0 01/01/2026',
    'tpm 2.0',
    'processors 16',
    'processor-model Virtual rack',
    `memory ${32 * 1024 ** 3}`,
    `card eth0 ${machine.mac}`,
    `disk ${name}`,
    `bytes ${bytes}`,
    `serial ${serial}`,
    `wwn ${wwn}`,
    `udev-serial ${udevSerial}`,
    `path ${path}`,
    `model ${model}`,
    'end',
  )
}

/** What the box answered: by its words, and what stands behind the word `configuration`. */
export type WriteOrder = {
  readonly said: ReadonlyMap<string, string>
  readonly configuration: string
}

/** The way between a program on a machine and the box, at the address at which this boot asks. */
export function askBox(machine: RackMachine, box: string) {
  return { post, note, fail, whichDisk, fetchSeed, tellWritten }

  function post(word: string, body: string): Course<string> {
    return patiently({ method: 'POST', url: `${box}/${word}`, userAgent: curlAgent, body })
  }

  /** Something worth a line in the timeline, and no more. */
  function* note(text: string): Course<void> {
    const url = `${box}/note`
    yield { kind: 'fetch-http', method: 'POST', url, userAgent: curlAgent, body: lines(text), keepText: true }
  }

  /** Tells the box the fact; a real machine starts over after a minute, and one of the rack is lost. */
  function* fail(cause: string, because: string): Course<never> {
    yield* post('ended', lines(`failed ${cause}`, because))
    throw new Lost(`${cause}: ${because}`)
  }

  /** Tells what there is; gives what the box wants written. */
  function* whichDisk({ invited }: { readonly invited: boolean }): Course<WriteOrder> {
    const answer = yield* post('disks', inventoryOf(machine))
    const [first = '', ...rest] = answer.split('\n')
    if (first !== 'write') throw new Lost(`the box has no disk written: ${first}: ${rest[0] ?? ''}`)
    const mark = rest.indexOf('configuration')
    const facts = mark === -1 ? rest : rest.slice(0, mark)
    const said = new Map(facts.map((line) => [wordOf(line), line.slice(wordOf(line).length + 1)]))
    const { name, bytes, serial } = diskOf(machine)
    if (said.get('disk') !== name || said.get('bytes') !== String(bytes) || said.get('serial') !== serial) {
      return yield* fail(
        'disk-changed',
        `${said.get('disk') ?? 'no disk'} is not the one with serial ${serial}`,
      )
    }
    if (invited) return yield* fail('not-enrolled', 'machines of a virtual rack have no key to enrol by')
    return { said, configuration: mark === -1 ? '' : rest.slice(mark + 1).join('\n') }
  }

  /** The seed of the system on the disk. */
  function* fetchSeed(): Course<SeedTexts> {
    const texts = new Map<string, string>()
    for (const file of seedFiles) {
      const url = `${box}/seed/${file}`
      texts.set(file, yield* patiently({ method: 'GET', url, userAgent: curlAgent }))
    }
    return seedOf(texts)
  }

  function* tellWritten(): Course<void> {
    yield* post('ended', lines('written'))
  }
}

/** Whether a seed brings what a machine enrols by (`cloud-init/node/enrolment`). */
export function isInvited(writes: readonly string[]): boolean {
  return writes.some((path) => path.endsWith('/invitation'))
}

function wordOf(line: string): string {
  return line.split(' ', 1)[0] ?? ''
}

function lines(...texts: readonly string[]): string {
  return `${texts.join('\n')}\n`
}
