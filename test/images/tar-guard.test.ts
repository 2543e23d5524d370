import t from 'tap'
import { TarGuard, type TarEntry } from '../../server/images/tar-guard.ts'

function anEntry(name: string, other: Partial<TarEntry> = {}): TarEntry {
  return { name, type: 'file', linkname: undefined, size: 0, ...other }
}

function whyNot(...entries: readonly TarEntry[]): string | undefined {
  const guard = new TarGuard()
  let because: string | undefined
  for (const entry of entries) because ??= guard.whyNot(entry)
  return because
}

t.test('names that lead out of the archive are refused', async (t) => {
  for (const name of [
    '../x',
    'a/../../x',
    'a/..',
    '..',
    '/etc/passwd',
    '//x',
    '',
    'a\0b',
    'a/'.repeat(3_000),
  ]) {
    t.type(whyNot(anEntry(name)), 'string', JSON.stringify(name.slice(0, 40)))
  }
  for (const name of ['./', '.', 'a..b/..c', 'etc/passwd', './usr/lib/x', '...']) {
    t.equal(whyNot(anEntry(name)), undefined, name)
  }
})

t.test('a hard link may lead within the archive only, a symbolic link anywhere', async (t) => {
  t.match(whyNot(anEntry('x', { type: 'link', linkname: '/etc/shadow' })), /link to a place/)
  t.match(whyNot(anEntry('x', { type: 'link', linkname: '../../etc/shadow' })), /link to a place/)
  t.equal(whyNot(anEntry('x', { type: 'link', linkname: 'usr/bin/y' })), undefined)
  t.equal(whyNot(anEntry('x', { type: 'symlink', linkname: '/run/x' })), undefined)
})

t.test('nothing may be put where a link of the archive leads', async (t) => {
  const link = anEntry('./var/run', { type: 'symlink', linkname: '/run' })
  t.match(whyNot(link, anEntry('var/run/x')), /leads through a link/)
  t.match(whyNot(link, anEntry('var//./run/deep/er')), /leads through a link/)
  t.equal(whyNot(link, anEntry('var/running/x')), undefined)
  t.equal(whyNot(link, anEntry('var/run', { type: 'directory' }), anEntry('var/run/x')), undefined)
})

t.test('devices belong into /dev', async (t) => {
  for (const type of ['block-device', 'character-device']) {
    t.equal(whyNot(anEntry('./dev/null', { type })), undefined)
    t.match(whyNot(anEntry('tmp/sda', { type })), /device outside of \/dev/)
  }
})

t.test(
  'an archive that unpacks to more than a system has is refused, and so is one without end',
  async (t) => {
    t.match(whyNot(anEntry('a', { size: 33 * 1024 ** 3 })), /unpacks to more/)
    const guard = new TarGuard()
    let refusedAt: number | undefined
    for (let i = 0; i <= 1_000_001 && refusedAt === undefined; i++) {
      if (guard.whyNot(anEntry('a')) !== undefined) refusedAt = i
    }
    t.equal(refusedAt, 1_000_000)
  },
)
