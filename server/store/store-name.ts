/** The file of the store, in the data folder. */
export const storeName = 'ironwake.db'
