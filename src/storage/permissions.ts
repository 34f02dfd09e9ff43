// Who may read a file that takes the place of another: whoever might read that one, and nobody else.

import * as fs from 'node:fs'

/** What of a file's status says who may do what with it. */
export interface Permissions {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

const SET_ID_BITS = 0o6000
const OTHERS = 0o7
const GROUP = 0o10

/** What a file is made with that will get the permissions of another: nobody opens it before it has them. */
export const PRIVATE_MODE = 0o600

/**
 * Gives an open file the owner, group and mode of another, as far as the system lets it. Where the group could not be kept, groups
 * and others may do what both might, and rights to act as the owner go with the owner.
 */
export function takeAfter(fd: number, like: Permissions): void {
  const made = fs.fstatSync(fd)
  const sameOwners = made.uid === like.uid && made.gid === like.gid
  if (!sameOwners && !changeOwners(fd, like.uid, like.gid)) changeOwners(fd, made.uid, like.gid)
  const { uid, gid } = sameOwners ? made : fs.fstatSync(fd)
  let mode = like.mode % 0o10000
  if (uid !== like.uid || gid !== like.gid) mode &= ~SET_ID_BITS
  if (gid !== like.gid) {
    // Who was of the one group may be anybody now, and the other way round.
    const both = Math.floor(mode / GROUP) & mode & OTHERS
    mode = mode - (mode % (GROUP * GROUP)) + both * GROUP + both
  }
  fs.fchmodSync(fd, mode)
}

function changeOwners(fd: number, uid: number, gid: number): boolean {
  try {
    fs.fchownSync(fd, uid, gid)
    return true
  } catch {
    return false
  }
}
