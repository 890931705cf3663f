/** On a value that is handed to several readers at once: what one of them makes of it may be kept with it, for the others. */
export const SHARED = Symbol('shared')
