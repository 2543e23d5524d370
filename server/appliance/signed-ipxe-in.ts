import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { readPortableExecutable, type PortableExecutable } from '../boot/portable-executable.ts'
import { secondStageOf, shimFileOf, signedIpxes, signedIpxeStems } from '../boot/signed-ipxe.ts'
import type { SignedIpxe, SignedIpxeStem } from '../boot/signed-ipxe.ts'

/** A shim of iPXE and the signed iPXE beside it, where they lie by the names under which they are served; or why not. */
export type SignedIpxePair =
  | { readonly kind: 'pair'; readonly paths: ReadonlyMap<string, string> }
  | { readonly kind: 'refused'; readonly because: string }

/** What a folder has of the signed iPXE, in itself or where the release's archive was unpacked below it. */
export function signedIpxeIn(folder: string): readonly SignedIpxePair[] {
  return [folder, ...signedIpxes.map(({ releaseFolder }) => join(folder, releaseFolder))].flatMap(pairsIn)
}

/** What lies in the folder itself. */
export function pairsIn(folder: string): readonly SignedIpxePair[] {
  const there = filesIn(folder)
  return signedIpxeStems.flatMap((stem) => signedIpxes.flatMap((one) => pairIn(folder, there, stem, one)))
}

function pairIn(
  folder: string,
  there: ReadonlySet<string>,
  stem: SignedIpxeStem,
  one: SignedIpxe,
): SignedIpxePair[] {
  // The release's archive leaves the processor out of the name; the header of the file has it.
  const inArchive = `${stem}-shim.efi`
  const shim = [shimFileOf(stem, one), inArchive].find((name) => there.has(name))
  if (shim === undefined) return []
  if (headerOf(join(folder, shim))?.cpu !== one.cpu) {
    return shim === inArchive ? [] : refused(folder, shim, `is no program for ${one.cpu}`)
  }
  const next = secondStageOf(stem)
  if (!there.has(next)) return refused(folder, shim, `has no ${next} beside it, which it loads`)
  const header = headerOf(join(folder, next))
  if (header?.cpu !== one.cpu) return refused(folder, next, `is no program for ${one.cpu}`)
  if (header.signature === 'none') {
    return refused(folder, next, `is not signed, and ${shim} beside it would refuse it`)
  }
  const paths = new Map([
    [`${one.folder}/${shimFileOf(stem, one)}`, join(folder, shim)],
    [`${one.folder}/${next}`, join(folder, next)],
  ])
  return [{ kind: 'pair', paths }]
}

/** Linkers put the header into the first page. */
const headerBytes = 4_096

function headerOf(path: string): PortableExecutable | undefined {
  using stack = new DisposableStack()
  const fd = stack.adopt(openSync(path, 'r'), closeSync)
  const start = Buffer.alloc(headerBytes)
  return readPortableExecutable(start.subarray(0, readSync(fd, start)), fstatSync(fd).size)
}

function refused(folder: string, file: string, because: string): SignedIpxePair[] {
  return [{ kind: 'refused', because: `${join(folder, file)} ${because}` }]
}

function filesIn(folder: string): ReadonlySet<string> {
  try {
    return new Set(readdirSync(folder))
  } catch {
    // The box has not this folder.
    return new Set()
  }
}
