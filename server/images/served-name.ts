import { filesOf, type ImageForm, type ImageRole, type Manifest, type ManifestFile } from './manifest.ts'

/** What a file of an image is called in URLs; absent, it is not served. casper takes an ISO only if its URL ends in `.iso`. */
const names: { readonly [role in ImageRole]: { readonly [form in ImageForm]?: string } } = {
  kernel: { plain: 'vmlinuz' },
  initrd: { plain: 'initrd' },
  squashfs: { squashfs: 'squashfs' },
  disk: { 'raw-zstd': 'disk.raw.zst' },
  iso: { iso: 'installer.iso' },
  root: { 'tar-gz': 'root.tar.gz' },
  shim: { plain: 'shim.efi' },
  grub: { plain: 'grub.efi' },
}

export function servedName(role: ImageRole, form: ImageForm): string | undefined {
  return names[role][form]
}

/** The file of a version that a URL names. */
export function servedFile(manifest: Manifest, name: string): ManifestFile | undefined {
  return filesOf(manifest).find(([role, { form }]) => servedName(role, form) === name)?.[1]
}
