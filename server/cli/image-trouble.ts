import { fileOfTrouble } from '../wire/file-trouble.ts'
import { Sorry } from './sorry.ts'

/** What is wrong with an image, or with the folder of the store, is told as a sentence; other errors are our own. */
export function sorryForImage(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  if (error.name === 'ImageFault' || error.name === 'UpstreamFault' || error.name === 'StoreFault') {
    return new Sorry(
      error.message,
      'nextStep' in error && typeof error.nextStep === 'string' ? error.nextStep : undefined,
    )
  }
  if (error.name === 'AbortError') return new Sorry('it was stopped, and nothing of it is kept')
  if ('code' in error && (error.code === 'EACCES' || error.code === 'EPERM')) {
    return new Sorry(
      `the image store may be opened only by the user that runs the appliance, often root (${fileOfTrouble(error) ?? error.message})`,
    )
  }
  return error
}
