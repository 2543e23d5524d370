import { fileURLToPath } from 'node:url'

/** A TFTP client that we did not write, and one way to ask with it. */
export type TftpClient = {
  readonly name: string
  readonly block: number
  /** What it says when it breaks off by its own fault on a bad wire; then, and only then, it may begin anew. */
  readonly breaksOffWith: RegExp | undefined
  /** Whether it can fetch over a bad wire at all. */
  readonly onBadWires: boolean
  /** The command that fetches `file` from `host` into `local`. */
  readonly command: (host: string, file: string, local: string) => readonly string[]
}

const npmProgram = fileURLToPath(new URL('npm-tftp-client.ts', import.meta.url))

/**
 * An OACK must be sent again when its ACK 0 was lost. Seen with a server that does so on purpose: curl and BusyBox take
 * it, atftp and the npm package's client break off. The latter moreover writes the blocks of a window in the order in which
 * they arrive (`this._windowsSize`, which is nowhere set, guards the sorting).
 */
export const tftpClients: readonly TftpClient[] = [
  {
    name: 'tftp-hpa',
    block: 512,
    breaksOffWith: undefined,
    onBadWires: true,
    command: (host, file, local) => ['tftp', '-m', 'binary', host, '-c', 'get', file, local],
  },
  {
    name: 'atftp',
    block: 512,
    breaksOffWith: undefined,
    onBadWires: true,
    command: (...where) => atftp(...where, []),
  },
  {
    name: 'atftp, 1428 by 16',
    block: 1428,
    breaksOffWith: /unexpected OACK/,
    onBadWires: true,
    command: (...where) => atftp(...where, ['blksize 1428', 'windowsize 16']),
  },
  {
    name: 'atftp, 512 by 4',
    block: 512,
    breaksOffWith: /unexpected OACK/,
    onBadWires: true,
    command: (...where) => atftp(...where, ['windowsize 4']),
  },
  {
    name: 'curl',
    block: 512,
    breaksOffWith: undefined,
    onBadWires: true,
    command: (...where) => curl(...where, 512),
  },
  {
    name: 'curl, 1428',
    block: 1428,
    breaksOffWith: undefined,
    onBadWires: true,
    command: (...where) => curl(...where, 1428),
  },
  {
    name: 'busybox',
    block: 512,
    breaksOffWith: undefined,
    onBadWires: true,
    command: (...where) => busybox(...where, 512),
  },
  {
    name: 'busybox, 1428',
    block: 1428,
    breaksOffWith: undefined,
    onBadWires: true,
    command: (...where) => busybox(...where, 1428),
  },
  {
    name: 'npm tftp',
    block: 512,
    breaksOffWith: /Illegal TFTP operation/,
    onBadWires: true,
    command: (...where) => npm(...where, 512, 1),
  },
  {
    name: 'npm tftp, 1428 by 4',
    block: 1428,
    breaksOffWith: /Illegal TFTP operation/,
    onBadWires: false,
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
