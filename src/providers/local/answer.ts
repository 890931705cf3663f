import type { Ending } from '../provider.ts'

/** One order's answer, as the server reads it. */
export interface Answer {
  text: ReadableStream<string>
  /** Rejects with what `text` throws. */
  ending: Promise<Ending>
  /** Ends the text with `reason` now, and lets the process stop; nothing once the answer has ended. */
  cancel(reason: unknown): void
}

/** The writing end of it. Every call after the first that ends the answer does nothing. */
export interface AnswerWriter {
  answer: Answer
  write(text: string): void
  end(ending: Ending): void
  fail(reason: unknown): void
}

/** `onCancel` is called when the reader wants no more before the answer has ended. */
export function openAnswer(onCancel: () => void): AnswerWriter {
  let isOpen = true
  let text!: ReadableStreamDefaultController<string>
  let ended!: (ending: Ending) => void
  let failed!: (reason: unknown) => void
  const ending = new Promise<Ending>((resolve, reject) => {
    ended = resolve
    failed = reject
  })
  ending.catch(() => {}) // whoever reads the text meets it there

  const fail = (reason: unknown) => {
    if (!isOpen) return
    isOpen = false
    text.error(reason)
    failed(reason)
  }
  const cancel = (reason: unknown) => {
    if (!isOpen) return
    fail(reason)
    onCancel()
  }
  const stream = new ReadableStream<string>({
    start(controller) {
      text = controller
    },
    cancel,
  })

  return {
    answer: { text: stream, ending, cancel },
    write(words) {
      if (isOpen) text.enqueue(words)
    },
    end(how) {
      if (!isOpen) return
      isOpen = false
      text.close()
      ended(how)
    },
    fail,
  }
}
