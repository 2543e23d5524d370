import { expand, readScript } from './ipxe-reading.ts'

/** What a command that leaves the script's hands does: 0 is success, as in iPXE. */
export type Outside = (words: readonly string[]) => 0 | 1

export type Run = {
  /** The commands that reached the outside, in their order. */
  readonly asked: readonly (readonly string[])[]
  readonly shown: readonly string[]
  readonly sleptSeconds: number
  readonly ended:
    | { readonly kind: 'left'; readonly by: readonly string[] }
    | { readonly kind: 'exit'; readonly code: number }
    | { readonly kind: 'line-failed'; readonly line: string }
    | { readonly kind: 'ran-out' }
    | { readonly kind: 'never-ends' }
}

/** After these has nothing of the script been left, if they succeed. */
const leaving = new Set(['chain', 'boot', 'sanboot'])
const outside = new Set([...leaving, 'kernel', 'initrd', 'dhcp', 'sleep', 'imgfree', 'shim'])

/** Runs a script as iPXE does (image/script.c, core/exec.c), the network and the disks being `reply`. */
export function runScript(text: string, settings: Readonly<Record<string, string>>, reply: Outside): Run {
  const lines = readScript(text)
  const known = new Map(Object.entries(settings))
  const look = (name: string) => known.get(name.split(':')[0] ?? '') ?? ''
  const asked: (readonly string[])[] = []
  const shown: string[] = []
  let sleptSeconds = 0
  const end = (ended: Run['ended']): Run => ({ asked, shown, sleptSeconds, ended })

  let at = 0
  for (let steps = 0; at < lines.length; steps++) {
    if (steps > 10_000) return end({ kind: 'never-ends' })
    const line = lines[at++]
    let code = 0
    let runs = true
    for (const command of line?.commands ?? []) {
      if (runs) {
        const words = command.words.map((word) => expand(word, look))
        const [name, ...given] = words
        if (name === 'goto') {
          const target = lines.findIndex(({ label }) => label === given[0])
          if (target === -1) throw new Error(`goto ${given[0]}: there is no such label`)
          at = target
          code = 0
          break
        }
        if (name === 'exit') return end({ kind: 'exit', code: Number(given[0] ?? 0) })
        if (name === undefined) code = 0
        else if (name === 'echo') {
          // getopt refuses what begins with a hyphen, unless it is an option.
          if (given[0]?.startsWith('-') === true) throw new Error(`echo ${given.join(' ')}: no such option`)
          shown.push(given.join(' '))
          code = 0
        } else if (name === 'set') code = set(known, given[0] ?? '', given.slice(1).join(' '))
        else if (name === 'inc') {
          const setting = given[0] ?? ''
          known.set(setting, String(Number(known.get(setting) ?? 0) + Number(given[1] ?? 1)))
          code = 0
        } else if (name === 'iseq') {
          if (given.length !== 2) throw new Error(`iseq takes two words: ${words.join(' ')}`)
          code = given[0] === given[1] ? 0 : 1
        } else if (name === 'isset') code = given[0] === undefined || given[0] === '' ? 1 : 0
        else if (outside.has(name)) {
          asked.push(words)
          if (name === 'sleep') sleptSeconds += Number(given[0])
          code = reply(words)
          if (code === 0 && leaving.has(name)) return end({ kind: 'left', by: words })
        } else throw new Error(`${name}: command not found`)
      }
      if (command.end === undefined) break
      runs = command.end === ';' || (command.end === '&&' ? code === 0 : code !== 0)
    }
    if (code !== 0) {
      const words = line?.commands.flatMap((command) => command.words) ?? []
      return end({ kind: 'line-failed', line: words.join(' ') })
    }
  }
  return end({ kind: 'ran-out' })
}

function set(known: Map<string, string>, name: string, value: string): 0 {
  known.set(name.split(':')[0] ?? '', value)
  return 0
}
