// The rows of the README's table "What it survives": what is done, and what must hold. The tests that try them count their
// trials in the ledger (`record`), and the long run (`npm run torture`) writes the counts into the README.

/** One row. */
export interface SurvivalRow {
  readonly id:
    | 'cut'
    | 'replaced'
    | 'overwritten'
    | 'device'
    | 'kill-new'
    | 'kill-append'
    | 'power'
    | 'full'
    | 'calls'
    | 'resources'
    | 'places'
    | 'processes'
    | 'files'
  readonly fault: string
  readonly promise: string
  /** What NumPy did under the same fault, where it was run: the test that runs it fails when it is no longer so. */
  readonly numpy: string
}

export const SURVIVAL_ROWS: readonly SurvivalRow[] = [
  {
    id: 'cut',
    fault: 'a file is cut short under an open array, before or in the middle of any call',
    promise: '`FaultError`, or what was there; never zeros, never a dead process',
    numpy: 'dies (SIGBUS)',
  },
  {
    id: 'replaced',
    fault: '… replaced, unlinked, made longer or unreadable',
    promise: 'the open array keeps what it had',
    numpy: 'the same',
  },
  {
    id: 'overwritten',
    fault: '… written over in place, or emptied and written again',
    promise: 'what is in the file, or an error; whole loads of members are checked',
    numpy: '–',
  },
  {
    id: 'device',
    fault: 'the device fails under arrays and writers',
    promise: '`FaultError`, `OsError` with EIO; the old file stays',
    numpy: 'dies (SIGBUS)',
  },
  {
    id: 'kill-new',
    fault: 'SIGKILL at any moment of `save`, `savez`, `create`',
    promise: 'the old file or the new one, whole',
    numpy: 'cut files',
  },
  {
    id: 'kill-append',
    fault: 'SIGKILL at any moment of `append`, `.npy` and `.npz`, and of repairs',
    promise: 'every acknowledged row and member; `recover` mends the rest',
    numpy: 'cannot append',
  },
  {
    id: 'power',
    fault: 'the power fails after any system call; writes that were not synced are lost, torn, swapped',
    promise: 'old or new; everything acknowledged',
    numpy: 'does not sync',
  },
  {
    id: 'full',
    fault: 'the disk is full, at each stage of each writer',
    promise: '`OsError` with ENOSPC; the old file, and no debris',
    numpy: 'the old file is gone',
  },
  {
    id: 'calls',
    fault: 'any one system call of a writer fails, or all from one on (EIO, ENOSPC, EINTR, EDQUOT)',
    promise: 'the error; nothing acknowledged is lost; no descriptor, no debris',
    numpy: '–',
  },
  {
    id: 'resources',
    fault: 'no descriptors, memory, mappings or file size left',
    promise: '`OsError` (EMFILE, ENOMEM, EFBIG) or a copy; goes on afterwards',
    numpy: '–',
  },
  {
    id: 'places',
    fault: 'folders, pipes, sockets, devices, /proc, link loops, no rights, nothing, for every way to open and write',
    promise: 'an error that names it; nothing hangs, nothing is written',
    numpy: '–',
  },
  {
    id: 'processes',
    fault: 'several processes write, append and read one file',
    promise: 'one appender at a time; readers see whole arrays',
    numpy: 'readers see torn files',
  },
  {
    id: 'files',
    fault: 'broken and hostile files',
    promise: 'an error of ours, or what NumPy reads',
    numpy: '[differences](native-notes/fuzz.md)',
  },
]
