/** A fact's text as it is compared. */

/** Without regard to case, width and blanks: the same on both databases, which know cases of ASCII letters alone. */
export const folded = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()

/** Words alone: what two texts that say the same have in common. What has no words stays as it is. */
export const wordsAlone = (foldedText: string): string => foldedText.replace(/[^\p{L}\p{N}\p{M}]+/gu, ' ').trim() || foldedText
