/** Headers of an answer that is for its reader alone, and for now. */
export const notKept = { 'cache-control': 'private, no-store' }
