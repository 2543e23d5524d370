import { z } from 'zod'
import { whyNotPackages } from './package-repository.ts'

const usualPackages = 'https://pkgs.k8s.io/core:/stable:/v{minor}/deb/'

/** Where nodes have the packages of Kubernetes from. */
export const kubernetesSettings = z
  .strictObject({
    packages: z
      .string()
      .superRefine((text, context) => {
        const because = whyNotPackages(text.replaceAll('{minor}', '1.36'))
        if (because === undefined) return
        context.issues.push({
          code: 'custom',
          input: text,
          message: `This is not a repository of packages: ${because}.`,
          params: { nextStep: `Write it as ${usualPackages}; {minor} stands for 1.36 and the like.` },
        })
      })
      .default(usualPackages),
    'packages-key': z.string().min(1).max(4_095).optional(),
  })
  .prefault({})
