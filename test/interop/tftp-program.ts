import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listenTftp } from '../../server/listen/tftp.ts'
import { parseIpv4 } from '../../server/wire/ipv4.ts'

// Serves the files of a folder by TFTP, from memory, until it is told to stop:
// node tftp-program.ts INTERFACE ADDRESS FOLDER. Prints `ready`, then each event as a line of JSON.

const [device = '', addressText = '', folder = ''] = process.argv.slice(2)
const address = parseIpv4(addressText)
if (address === undefined) throw new Error(`${addressText} is no address`)
const files = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]))

const listener = listenTftp({
  network: 'lab',
  interface: device,
  address,
  limits: { transfers: 4_000, transfersPerClient: 4_000 },
  lookup: ({ file }) => {
    const bytes = files.get(file)
    if (bytes !== undefined) return { kind: 'bytes', bytes }
    return { kind: 'refused', code: 'no-such-file', because: `there is no file ${file}` }
  },
  report: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
})
process.on('SIGTERM', () => void listener[Symbol.asyncDispose]())
process.stdout.write('ready\n')
