import { WronglyCalled } from './wrongly-called.ts'

/** More than any name that the box takes, by far; a server refuses what is much longer unread. */
const longest = 255

/**
 * The name of one thing, as a part of a path of the API. An empty one, as of a variable in a script that is not set, would make
 * another path: that of all of them.
 */
export function nameInPath(what: string, name: string): string {
  if (name === '') throw new WronglyCalled(`the name of the ${what} is empty`)
  if (name.length > longest) {
    throw new WronglyCalled(
      `the name of the ${what} is too long: it has ${name.length} characters, and ${longest} are the most`,
    )
  }
  return encodeURIComponent(name)
}
