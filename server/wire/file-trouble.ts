/** What the codes of the operating system mean for who named a file (errno(3)). */
const meanings: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'it is not there, or the folder that it is to be in is not'],
  ['EACCES', 'this user may not do that'],
  ['EPERM', 'this user may not do that'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'something on the way to it is no folder'],
  ['EEXIST', 'something of that name is there already'],
  ['ENOTEMPTY', 'the folder of that name is not empty'],
  ['ELOOP', 'its links lead round in a circle'],
  ['ENAMETOOLONG', 'its name is too long'],
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'this user may not store more'],
  ['EFBIG', 'it would be larger than the file system takes'],
  ['EROFS', 'its file system can only be read'],
  ['EIO', 'the disk fails to read or write it'],
  ['ENXIO', 'it is no file'],
  ['ENODEV', 'it is no file'],
  ['EMFILE', 'this program has too many files open'],
  ['ENFILE', 'this machine has too many files open'],
  ['EBUSY', 'something else uses it'],
  ['ETXTBSY', 'it is being run'],
])

/** Why a file could not be read or written, as the words that follow `cannot be read: `. */
export function fileTrouble(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return meanings.get(code) ?? error.message
}

/** What an error of the operating system with a file is about; `undefined` where it is no such error. */
export function fileOfTrouble(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined
  if ('path' in error && typeof error.path === 'string') return error.path
  // Reads and writes know no name.
  return error.syscall === 'read' || error.syscall === 'write' ? 'A file' : undefined
}
