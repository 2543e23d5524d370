import { join } from 'node:path'
import t from 'tap'
import { checkStoredImages } from '../../server/appliance/check-stored-images.ts'
import { testFolder } from '../folder.ts'
import { aConfig, ram } from './a-config.ts'

t.test('an image that is lacking is told with what brings it', async (t) => {
  const nextStep = async (image: string) => {
    const images = [{ name: 'debian', folder: '/images/debian' }]
    const config = aConfig({ dataFolder: testFolder(t), images, defaults: { ...ram, method: 'disk', image } })
    const [finding, ...more] = await checkStoredImages(config)
    t.match(finding, { verdict: 'wrong', subject: `image ${image}`, fact: /there is no image/ })
    t.strictSame(more, [])
    return finding?.nextStep
  }
  t.equal(await nextStep('ubuntu-24.04-disk-amd64'), 'Fetch it: ironwake images sync ubuntu-24.04-disk-amd64')
  t.equal(await nextStep('fedora'), 'Import it: ironwake images import FILE --name fedora')
  t.equal(await nextStep('debain'), 'Did you mean debian?')
})

t.test('a data folder that is none is a finding', async (t) => {
  const dataFolder = join(testFolder(t, { file: 'a note' }), 'file')
  t.match(await checkStoredImages(aConfig({ dataFolder })), [
    {
      verdict: 'wrong',
      subject: 'images',
      fact: /cannot be read: something on the way to it is no folder/,
      nextStep: /data: in the settings/,
    },
  ])
})
