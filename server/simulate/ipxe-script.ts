/** A line of a script: where a `goto` may lead, and its commands with what stands between them. */
export type ScriptLine = {
  readonly label: string | undefined
  readonly commands: readonly {
    readonly words: readonly string[]
    readonly behind: '&&' | '||' | ';' | undefined
  }[]
}

/** Longer is no script of ours. */
const mostLines = 2_000

/** Takes a script apart as iPXE does (image/script.c, core/exec.c); `undefined` when it is none. */
export function readIpxeScript(text: string): readonly ScriptLine[] | undefined {
  if (!text.startsWith('#!ipxe')) return undefined
  return text
    .replaceAll('\\\n', '')
    .split('\n', mostLines)
    .map((line) => {
      const [first = '', ...rest] = line.trim().split(/\s+/)
      return first.startsWith(':')
        ? { label: first.slice(1), commands: commandsIn(rest) }
        : { label: undefined, commands: commandsIn([first, ...rest]) }
    })
}

function commandsIn(words: readonly string[]): ScriptLine['commands'] {
  const commands: ScriptLine['commands'][number][] = []
  let current: string[] = []
  for (const word of words) {
    if (word.startsWith('#')) break
    if (word === '&&' || word === '||' || word === ';') {
      commands.push({ words: current, behind: word })
      current = []
    } else if (word !== '') current.push(word)
  }
  return [...commands, { words: current, behind: undefined }]
}

/** Fills in `${name}` and `${name:type}`, the innermost first. */
export function expandSettings(word: string, look: (name: string, type: string) => string): string {
  let text = word
  // Each turn takes one place away; more than these no line has.
  for (let turn = 0; turn < 64; turn++) {
    const found = /\$\{([^${}]*)\}/.exec(text)
    if (found === null) return text
    const [name = '', type = ''] = (found[1] ?? '').split(':')
    text = text.slice(0, found.index) + look(name, type) + text.slice(found.index + found[0].length)
  }
  return text
}
