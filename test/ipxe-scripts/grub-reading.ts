/**
 * How GRUB reads a script, written from its lexer (grub-core/script/yylex.l, lexer.c): what separates words and commands,
 * the two kinds of quotes, `$` with its names, comments. It knows nothing of our templates and serves as the judge of what
 * they become.
 */
export type GrubWord = {
  /** The letters of the word, with `${name}` where a variable stands. */
  readonly text: string
  readonly variables: readonly string[]
}

/** The commands of a script, each with its words; reserved words (`if`, `then`, …) are words like others here. */
export function readGrub(script: string): readonly (readonly GrubWord[])[] {
  const commands: GrubWord[][] = []
  let words: GrubWord[] = []
  let text: string | undefined
  let variables: string[] = []
  let at = 0
  const endWord = () => {
    if (text !== undefined) words.push({ text, variables })
    text = undefined
    variables = []
  }
  const endCommand = () => {
    endWord()
    if (words.length > 0) commands.push(words)
    words = []
  }
  const variable = () => {
    const [whole = '$', braced, plain] =
      /^\$(?:\{([A-Za-z0-9_@*#?]+)\}|([A-Za-z_][A-Za-z0-9_]*|[0-9?#*@]))/.exec(script.slice(at)) ?? []
    const name = braced ?? plain
    if (name === undefined) throw new Error(`a lone $ at ${script.slice(at, at + 20)}`)
    variables.push(name)
    text = `${text ?? ''}\${${name}}`
    at += whole.length
  }
  while (at < script.length) {
    const letter = script[at] ?? ''
    if (letter === ' ' || letter === '\t' || letter === '\r') {
      endWord()
      at++
    } else if (letter === '\n' || letter === ';' || letter === '&' || letter === '|') {
      endCommand()
      at++
    } else if (letter === '{' || letter === '}' || letter === '<' || letter === '>') {
      endWord()
      words.push({ text: letter, variables: [] })
      at++
    } else if (letter === '#' && text === undefined) {
      while (at < script.length && script[at] !== '\n') at++
    } else if (letter === '\\') {
      // Before a line feed both vanish; else the next letter stands for itself.
      if (script[at + 1] !== '\n') text = (text ?? '') + (script[at + 1] ?? '')
      at += 2
    } else if (letter === "'") {
      const end = script.indexOf("'", at + 1)
      if (end === -1) throw new Error('a single quote is not closed')
      text = (text ?? '') + script.slice(at + 1, end)
      at = end + 1
    } else if (letter === '"') {
      text ??= ''
      at++
      while (script[at] !== '"') {
        if (at >= script.length) throw new Error('a double quote is not closed')
        if (script[at] === '$') variable()
        else if (script[at] === '\\') {
          text += script[at + 1] ?? ''
          at += 2
        } else text += script[at++]
      }
      at++
    } else if (letter === '$') variable()
    else {
      text = (text ?? '') + letter
      at++
    }
  }
  endCommand()
  return commands
}
