export type EntryFolder = 'events' | 'keys' | 'catalogues'

/** `events/000000000042.entry` */
export function entryFile(folder: EntryFolder, index: number): string {
  return `${folder}/${String(index).padStart(12, '0')}.entry`
}

/** `events/000000000042.tlog-proof` */
export function receiptFile(folder: EntryFolder, index: number): string {
  return entryFile(folder, index).replace(/entry$/, 'tlog-proof')
}

/** The folder of a receipt's name, undefined for any other name. */
export function folderOfReceipt(name: string): EntryFolder | undefined {
  const [, folder] = /^(events|keys|catalogues)\/\d{12,16}\.tlog-proof$/.exec(name) ?? []
  return folder === 'events' || folder === 'keys' || folder === 'catalogues' ? folder : undefined
}
