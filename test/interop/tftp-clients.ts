import { fileURLToPath } from 'node:url'

/** A TFTP client that we did not write, and one way to ask with it. */
export type TftpClient = {
  readonly name: string
  readonly block: number
  /**
   * How often it may begin anew on a bad wire, where it ends by its own fault; `undefined` when it cannot fetch over one
   * from any server.
   */
  readonly tries: number | undefined
  /** The command that fetches `file` from `host` into `local`. */
  readonly command: (host: string, file: string, local: string) => readonly string[]
}

const npmProgram = fileURLToPath(new URL('npm-tftp-client.ts', import.meta.url))

/**
 * Of the npm package's client it was read in its source, and seen, that it breaks off when an OACK comes again, as it does
 * when its ACK 0 was lost, and that it writes the blocks of a window in the order in which they arrive
 * (`this._windowsSize`, which is nowhere set, guards the sorting).
 */
export const tftpClients: readonly TftpClient[] = [
  {
    name: 'tftp-hpa',
    block: 512,
    tries: 1,
    command: (host, file, local) => ['tftp', '-m', 'binary', host, '-c', 'get', file, local],
  },
  { name: 'atftp', block: 512, tries: 1, command: (...where) => atftp(...where, []) },
  {
    name: 'atftp, 1428 by 16',
    block: 1428,
    tries: 1,
    command: (...where) => atftp(...where, ['blksize 1428', 'windowsize 16']),
  },
  { name: 'atftp, 512 by 4', block: 512, tries: 1, command: (...where) => atftp(...where, ['windowsize 4']) },
  { name: 'curl', block: 512, tries: 1, command: (...where) => curl(...where, 512) },
  { name: 'curl, 1428', block: 1428, tries: 1, command: (...where) => curl(...where, 1428) },
  { name: 'busybox', block: 512, tries: 1, command: (...where) => busybox(...where, 512) },
  { name: 'busybox, 1428', block: 1428, tries: 1, command: (...where) => busybox(...where, 1428) },
  { name: 'npm tftp', block: 512, tries: 5, command: (...where) => npm(...where, 512, 1) },
  {
    name: 'npm tftp, 1428 by 4',
    block: 1428,
    tries: undefined,
    command: (...where) => npm(...where, 1428, 4),
  },
]

function atftp(host: string, file: string, local: string, options: readonly string[]): readonly string[] {
  return ['atftp', ...options.flatMap((option) => ['--option', option]), '-g', '-r', file, '-l', local, host]
}

function curl(host: string, file: string, local: string, block: number): readonly string[] {
  return [
    'curl',
    '--silent',
    '--show-error',
    '--tftp-blksize',
    String(block),
    '-o',
    local,
    `tftp://${host}/${file}`,
  ]
}

function busybox(host: string, file: string, local: string, block: number): readonly string[] {
  return ['busybox', 'tftp', '-b', String(block), '-g', '-r', file, '-l', local, host]
}

function npm(host: string, file: string, local: string, block: number, window: number): readonly string[] {
  return [process.execPath, npmProgram, host, file, local, String(block), String(window)]
}
