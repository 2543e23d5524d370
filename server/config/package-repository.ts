/** Why a URL cannot be that of a repository of packages; it stands in a list of apt and in a shell's quotes. */
export function whyNotPackages(url: string): string | undefined {
  if (!/^https?:\/\/[A-Za-z0-9.-]+(?::[0-9]{1,5})?\/(?:[A-Za-z0-9._~:@+,=-]+\/)*$/.test(url)) {
    return 'it is not a URL as https://mirror.example/kubernetes/, with a slash at its end'
  }
  return url.length <= 512 ? undefined : 'it is longer than 512 characters'
}
