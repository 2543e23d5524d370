/** What `ironwake images` does to the image store, in the words of the audit log. */
export const imageActs = [
  'images synced',
  'image imported',
  'image pinned',
  'image unpinned',
  'image removed',
  'images verified',
  'images swept',
] as const
