import { fileTrouble } from '../wire/file-trouble.ts'
import { readFile } from 'node:fs/promises'
import type { SecretPlace } from '../config/power-settings.ts'
import { PowerFault } from './power-fault.ts'

/** No password of a BMC is longer. */
const longestSecret = 1_024

/** A secret from where the settings say it is. It is read when it is used, and kept nowhere. */
export async function readSecret(place: SecretPlace): Promise<string> {
  const text = place.kind === 'environment' ? process.env[place.name] : await textOf(place.path)
  const where = place.kind === 'environment' ? `the environment variable ${place.name}` : place.path
  if (text === undefined) throw new PowerFault('no-secret', `${where} is not set for this appliance.`)
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw new PowerFault('no-secret', `${where} is empty.`)
  // eslint-disable-next-line no-control-regex -- control characters are what this is about
  if (secret.length > longestSecret || /[\u0000-\u001f\u007f]/.test(secret)) {
    throw new PowerFault('no-secret', `${where} holds no password: it has several lines, or is too long.`)
  }
  return secret
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const because = `cannot be read: ${fileTrouble(error)}`
    throw new PowerFault('no-secret', `The file ${path}, which the settings name for a password, ${because}.`)
  }
}
