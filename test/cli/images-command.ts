import { run } from '../../server/cli/run.ts'

export type Said = { readonly code: number; readonly out: string; readonly err: string }

/** Runs `ironwake images …` with the settings of a file, in this process, and keeps what it says. */
export async function imagesCommand(
  yaml: string,
  words: readonly string[],
  now: () => number = Date.now,
): Promise<Said> {
  const [out, err]: [string[], string[]] = [[], []]
  const code = await run(['images', ...words, '--settings', yaml], {
    print: (line) => void out.push(line),
    remark: (line) => void err.push(line),
    stop: new AbortController().signal,
    isTerminal: false,
    now,
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}
