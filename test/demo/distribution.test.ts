import t from 'tap'
import {
  chooseSourceFiles,
  chooseTransportOptions,
  parseDistribution,
} from '../../server/demo/distribution.ts'

const bookworm = { id: 'debian', codename: 'bookworm', title: 'Debian GNU/Linux 12 (bookworm)' } as const

t.test('Debian and Ubuntu are read from os-release', async (t) => {
  const debian =
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian"\nVERSION_CODENAME=bookworm\nID=debian\n'
  t.strictSame(parseDistribution(debian), bookworm)
  const ubuntu = 'PRETTY_NAME="Ubuntu 24.04.3 LTS"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\n'
  t.match(parseDistribution(ubuntu), { id: 'ubuntu', codename: 'noble' })
})

t.test('another distribution is told what to do', async (t) => {
  t.throws(
    () => parseDistribution('ID=fedora\nPRETTY_NAME="Fedora Linux 41"\n'),
    /runs 'Fedora Linux 41'.*Debian 12/,
  )
})

t.test("only the distribution's own mirrors are taken", async (t) => {
  const targets = [
    'bookworm\tDebian\t/etc/apt/sources.list.d/debian.sources:1',
    'bookworm-security\tDebian\t/etc/apt/sources.list.d/debian.sources:8',
    'bookworm-updates\tDebian\t/etc/apt/sources.list:3',
    'bookworm\tDocker\t/etc/apt/sources.list.d/docker.list:1',
    'nodistro\t. nodistro\t/etc/apt/sources.list.d/node.sources:1',
    'trixie\tDebian\t/etc/apt/sources.list.d/next.list:1',
    '',
  ].join('\n')
  t.strictSame(chooseSourceFiles(targets, bookworm), [
    '/etc/apt/sources.list.d/debian.sources',
    '/etc/apt/sources.list',
  ])
})

t.test('a mirror that names no origin is taken by its release', async (t) => {
  t.strictSame(chooseSourceFiles('bookworm\t\t/etc/apt/sources.list:1\n', bookworm), [
    '/etc/apt/sources.list',
  ])
})

t.test('where apt knows of no release, nothing is taken', async (t) => {
  t.strictSame(chooseSourceFiles('', bookworm), [])
})

t.test('the way to the mirror is that of the machine: proxies and their like, nothing else', async (t) => {
  const dump = [
    'APT::Architecture "amd64";',
    'Acquire "";',
    'Acquire::http "";',
    'Acquire::http::Proxy "http://proxy.example:3128";',
    'Acquire::https::CaInfo "/etc/ssl/own.pem";',
    'Acquire::http::Proxy::mirror.example "DIRECT";',
    'Acquire::Retries "3";',
    'Acquire::IndexTargets::deb::Packages::MetaKey "x";',
    'Dir::Etc "etc/apt";',
  ].join('\n')
  t.strictSame(chooseTransportOptions(dump), [
    'Acquire::http::Proxy "http://proxy.example:3128";',
    'Acquire::https::CaInfo "/etc/ssl/own.pem";',
    'Acquire::http::Proxy::mirror.example "DIRECT";',
    'Acquire::Retries "3";',
  ])
})
