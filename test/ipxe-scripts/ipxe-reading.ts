/**
 * How iPXE reads a script, written from its sources: lines and labels as in image/script.c (`process_script`), words and
 * command ends as in core/exec.c (`split_command`, `command_terminator`), `${…}` as in core/settings.c
 * (`expand_settings`). It knows nothing of our templates and serves as the judge of what they become.
 */
export type ReadLine = { readonly label: string | undefined; readonly commands: readonly ReadCommand[] }

export type ReadCommand = {
  /** Words before expansion. */
  readonly words: readonly string[]
  /** What stands behind it, which decides when the next one runs. */
  readonly end: '&&' | '||' | ';' | undefined
}

const space = /[ \t\n\v\f\r]/

export function readScript(text: string): readonly ReadLine[] {
  const lines: ReadLine[] = []
  let line = ''
  const fragments = text.split('\n')
  // A last line feed ends the script; nothing stands behind it.
  if (fragments.at(-1) === '') fragments.pop()
  for (const fragment of fragments) {
    line += fragment
    if (line.endsWith('\r')) line = line.slice(0, -1)
    if (line.endsWith('\\')) {
      line = line.slice(0, -1)
      continue
    }
    lines.push(readLine(line))
    line = ''
  }
  return lines
}

function readLine(line: string): ReadLine {
  // A NUL ends the line for iPXE, which reads it as a C string.
  let rest = line.split('\0')[0] ?? ''
  while (rest !== '' && space.test(rest[0] ?? '')) rest = rest.slice(1)
  if (!rest.startsWith(':')) return { label: undefined, commands: readCommands(rest) }
  const label = rest.slice(1).split(space)[0] ?? ''
  return { label, commands: readCommands(rest.slice(1 + label.length)) }
}

function readCommands(text: string): readonly ReadCommand[] {
  const words = text.split(space).filter((word) => word !== '')
  const commands: ReadCommand[] = []
  let current: string[] = []
  for (const word of words) {
    if (word.startsWith('#')) break
    if (word === '&&' || word === '||' || word === ';') {
      commands.push({ words: current, end: word })
      current = []
      continue
    }
    current.push(word)
  }
  commands.push({ words: current, end: undefined })
  return commands
}

/** The settings a word asks for, innermost first, with the word that remains. */
export function expand(word: string, settings: (name: string) => string): string {
  let text = word
  for (;;) {
    const end = /\$\{[^}]*\}/.exec(text)
    if (end === null) return text
    const start = text.lastIndexOf('${', end.index + end[0].length - 1)
    const stop = end.index + end[0].length
    text = text.slice(0, start) + settings(text.slice(start + 2, stop - 1)) + text.slice(stop)
  }
}
