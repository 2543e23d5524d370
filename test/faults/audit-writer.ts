import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { auditDesk } from '../../server/appliance/audit-desk.ts'
import { ask } from '../../server/cli/api-client.ts'
import { apiApp } from '../../server/http/api-app.ts'
import { listenSocketFile } from '../../server/listen/http.ts'
import { openStore } from '../../server/store/open-store.ts'
import { aDesk } from '../http/an-api-desk.ts'

// Acts by the API of a socket file as fast as it answers, several at once. Prints `did N` in the act itself and `told N` when
// its answer has come. Ends when it is killed.

const [folder = '', first = '0'] = process.argv.slice(2)
const atOnce = 4

const say = (line: string): void => void writeSync(1, `${line}\n`)
const store = await openStore(join(folder, 'ironwake.db'))
const desk = aDesk({
  audit: auditDesk(store, Date.now),
  retry: async (id) => {
    say(`did ${id}`)
    return await Promise.resolve({ kind: 'done', remarks: [] })
  },
})
const socket = join(folder, 'ironwake.sock')
await using listener = await listenSocketFile(apiApp(desk), socket)
void listener
let next = Number(first)

async function actOn(): Promise<never> {
  for (;;) {
    const number = next++
    await ask({ socket }, 'POST', `/api/v1/machines/${number}/retry`)
    say(`told ${number}`)
  }
}

say('open')
await Promise.all(Array.from({ length: atOnce }, actOn))
