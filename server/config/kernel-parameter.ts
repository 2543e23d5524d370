/** x86 kernels read a command line of 2048 bytes (`COMMAND_LINE_SIZE`), of which the appliance needs a good part. */
const longestParameter = 256

/** Written by the appliance itself; a second one would be read by some programs and not by others. */
const ownParameters: ReadonlySet<string> = new Set(['initrd', 'root', 'ds', 'BOOTIF', 'cloud-config-url'])

/**
 * Why a text cannot be one kernel parameter in a boot script; `undefined` when it can. iPXE has no quoting: white
 * space ends a parameter, `${` begins a setting, `#`, `;`, `&&` and `||` as a word end the command.
 */
export function whyNotKernelParameter(text: string): string | undefined {
  if (text === '') return 'it is empty'
  if (text.length > longestParameter) return `it has more than ${longestParameter} characters`
  if (/\s/.test(text)) return 'it has white space, which would make it two parameters'
  if (!/^[\u0021-\u007e]*$/.test(text)) return 'it has characters outside printable ASCII'
  const breaker = /[$#;&|\\"'`]/.exec(text)
  if (breaker !== null) return `it has ${breaker[0]}, which boot programs do not pass on unchanged`
  const name = /^[^=]*/.exec(text)?.[0] ?? ''
  return ownParameters.has(name) ? `${name}= is written by the appliance itself` : undefined
}
