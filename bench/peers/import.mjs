// Imports from here, so that packages are found that lie here, also those that are ES modules only.

export const importPeer = (name) => import(name)
