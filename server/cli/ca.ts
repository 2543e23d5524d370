import { fileTrouble } from '../wire/file-trouble.ts'
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accessFolder, authorityName, readAuthority } from '../access/authority.ts'
import type { KeyPair } from '../access/key-pair.ts'
import { fingerprintOf } from '../access/fingerprint.ts'
import { remoteBoxOf, remoteOptions } from './box-of.ts'
import type { Call, Command } from './call.ts'
import { pinnedAuthority, type RemoteBox } from './remote-box.ts'
import { Sorry } from './sorry.ts'
import { Stopped } from './stopped.ts'
import { unknownVerb } from './unknown-verb.ts'
import { WronglyCalled } from './wrongly-called.ts'

export const ca: Command = {
  usage: 'ironwake ca show [--pem] | fetch --server URL --ca-fingerprint FINGERPRINT --out FILE',
  about:
    'The certificate authority of the box, by which others know it. `show` prints its fingerprint, on the box itself, also while\n' +
    'the appliance is stopped; --pem prints its certificate, for browsers and curl. `fetch` saves the certificate of a box elsewhere, and\n' +
    'only if it has that fingerprint.',
  options: {
    pem: { type: 'boolean', about: 'show: print the certificate' },
    out: { type: 'string', about: 'fetch: the file to write; one that is there is replaced' },
    server: remoteOptions.server,
    'ca-fingerprint': remoteOptions['ca-fingerprint'],
  },
  examples: [
    'ironwake ca show',
    'ironwake ca show --pem > box.pem && curl --cacert box.pem https://10.0.0.1:8443/api/v1/health',
    'ironwake ca fetch --server https://10.0.0.1:8443 --ca-fingerprint sha256:… --out box.pem',
  ],
  async run(call) {
    const [verb, ...more] = call.words
    if (verb === 'show' && more.length === 0) return await show(call)
    if (verb === 'fetch' && more.length === 0) return await fetchTo(call, call.options['out'])
    throw unknownVerb(verb, {
      known: ['show', 'fetch'],
      say: 'say show, or fetch --server URL --ca-fingerprint FINGERPRINT --out FILE',
    })
  },
}

async function show(call: Call): Promise<number> {
  const path = join(call.dataFolder(), accessFolder, authorityName)
  const authority = await authorityIn(path)
  if (authority === undefined)
    throw new Sorry(
      `there is no authority yet (${path})`,
      'The box makes it when it is started: ironwake serve',
    )
  const { certificate, certificatePem } = authority
  const isPem = call.options['pem'] === true
  if (call.output === 'json') {
    const shown = { ...factsOf(certificate), ...(isPem ? { pem: certificatePem } : {}) }
    call.print(JSON.stringify(shown, undefined, 2))
  } else if (isPem) call.print(certificatePem.trimEnd())
  else {
    const { fingerprint, subject, until } = factsOf(certificate)
    call.print(fingerprint)
    call.remark(`${subject}, until ${until.slice(0, 10)}`)
  }
  return 0
}

async function authorityIn(path: string): Promise<KeyPair | undefined> {
  try {
    return await readAuthority(path)
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error.name === 'AccessFault') throw new Sorry(error.message)
    if ('code' in error && error.code === 'EACCES')
      throw new Sorry(`${path} may be read only by the user that runs the appliance, often root`)
    if ('code' in error)
      throw new Sorry(
        `the authority cannot be read (${path}): ${fileTrouble(error)}`,
        'See whether data: in the settings, or --data, is the folder of this box.',
      )
    throw error
  }
}

function factsOf(certificate: X509Certificate) {
  return {
    fingerprint: fingerprintOf(certificate),
    subject: certificate.subject.replaceAll('\n', ', '),
    until: new Date(certificate.validTo).toISOString(),
  }
}

/** Nobody waits longer for a certificate. */
const silenceMs = 60_000

async function authorityOf(call: Call, box: RemoteBox): Promise<string> {
  try {
    return await pinnedAuthority(box, { signal: call.stop, silenceMs })
  } catch (error) {
    throw call.stop.aborted ? new Stopped() : error
  }
}

async function fetchTo(call: Call, out: Call['options'][string]): Promise<number> {
  if (typeof out !== 'string' || out === '')
    throw new WronglyCalled('fetch needs a file to write, --out FILE')
  const box = remoteBoxOf(call)
  const pem = await authorityOf(call, box)
  try {
    writeFileSync(out, pem)
  } catch (error) {
    throw new Sorry(`${out} cannot be written: ${fileTrouble(error)}`)
  }
  const { fingerprint } = factsOf(new X509Certificate(pem))
  if (call.output === 'json') call.print(JSON.stringify({ file: out, fingerprint }, undefined, 2))
  else call.remark(`${out} is the authority of ${box.server.origin}, with the fingerprint that you named.`)
  return 0
}
