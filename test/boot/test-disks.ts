import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { Test } from 'tap'

/** A disk of a virtual machine: a file here. */
export type TestDisk = { readonly serial: string; readonly path: string }

export const gib = 1024 ** 3

/** A disk that has nothing on it. */
export function blankDisk(t: Test, serial: string, bytes: number): TestDisk {
  const path = join(t.testdirName, `${serial}.img`)
  const file = openSync(path, 'w')
  ftruncateSync(file, bytes)
  closeSync(file)
  return { serial, path }
}

/** A disk with a partition table and a file system, as a machine that was in use has it. */
export function usedDisk(t: Test, serial: string, bytes: number): TestDisk {
  const disk = blankDisk(t, serial, bytes)
  execFileSync('sgdisk', ['--new=1:2048:+100M', disk.path], { stdio: 'pipe' })
  execFileSync('mke2fs', [
    '-q',
    '-F',
    '-t',
    'ext4',
    '-L',
    'precious',
    '-E',
    'offset=1048576',
    disk.path,
    '100M',
  ])
  return disk
}

/** The names that the kernel gives to the disks go by this order. */
export function plugged(disks: readonly TestDisk[]): readonly string[] {
  return disks.flatMap(({ serial, path }, index) => [
    '-drive',
    `if=none,id=disk${index},format=raw,cache=unsafe,file=${path}`,
    '-device',
    `virtio-blk-pci,drive=disk${index},serial=${serial},bootindex=${index + 2}`,
  ])
}

export function digestOf({ path }: TestDisk): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/** The root file system of the disk image begins at 18 MiB. */
function rootOf(path: string): string {
  return `${path}?offset=${18 * 1024 * 1024}`
}

/** What e2fsprogs' debugfs says of the root file system of the disk image. */
export function inRoot({ path }: TestDisk, command: string): string {
  const place = rootOf(path)
  // What the machine had in its journal when its power went away belongs to the file system; debugfs alone leaves it aside.
  spawnSync('e2fsck', ['-y', '-E', 'journal_only', place], { stdio: 'ignore' })
  return execFileSync('debugfs', ['-R', command, place], { encoding: 'utf8', stdio: 'pipe' })
}

/** Puts a file of root's into the root file system of the disk image, in place of the one that is there. */
export function putInRoot(disk: TestDisk, path: string, text: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'ironwake-put-'))
  try {
    writeFileSync(join(folder, 'file'), text)
    const folders = dirname(path).split('/').slice(1)
    const commands = [
      // Those that are there stay.
      ...folders.map((_, index) => `mkdir /${folders.slice(0, index + 1).join('/')}`),
      `cd ${dirname(path)}`,
      `rm ${basename(path)}`,
      `write ${join(folder, 'file')} ${basename(path)}`,
    ]
    execFileSync('debugfs', ['-w', '-f', '-', rootOf(disk.path)], {
      input: commands.map((command) => `${command}\n`).join(''),
      stdio: 'pipe',
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
  // debugfs ends well even when it could not.
  if (inRoot(disk, `cat ${path}`) !== text) throw new Error(`${path} could not be put on the disk`)
}
