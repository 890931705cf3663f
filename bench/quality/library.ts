/**
 * A small library of a maker of coffee machines, written for this: 60 articles, 72 fault codes, and questions whose answers are known. Some
 * questions name a thing exactly, some say it in quite other words, some do both; no side alone finds them all.
 */

export interface Article {
  id: string
  text: string
}

export interface Question {
  text: string
  /** What answers it. */
  answer: string
  kind: 'EXACT' | 'MEANING' | 'BOTH'
}

/** An article, and what somebody asks who does not know its words. */
const ARTICLES: readonly (readonly [id: string, article: string, question: string])[] = [
  ['descale', 'Dissolve limestone inside the boiler with citric acid every three months.', 'How do I get rid of hard water deposits?'],
  ['grinder-noise', 'Stones among the beans make the burrs screech; empty the hopper and vacuum it.', 'Why does grinding sound so awful?'],
  ['milk-foam', 'Cold whole milk gives the densest microfoam; skimmed froths into large bubbles.', 'My cappuccino has no creamy top'],
  ['warranty', 'Defects of manufacture are repaired free of charge for thirty-six months after purchase.', 'Who pays if it breaks in the second year?'],
  ['returns', 'Unopened parcels can be sent back within a fortnight for a full refund.', 'Can I get my money back if I change my mind?'],
  ['sleep-mode', 'After twenty minutes without use the appliance switches to standby and draws half a watt.', 'Does it waste electricity overnight?'],
  ['child-lock', 'Hold both arrow keys for five seconds and no button reacts until you do so again.', 'Keep toddlers from pressing things'],
  ['water-filter', 'Replace the cartridge in the tank after fifty litres, or when the drop symbol glows.', 'When is it time for a fresh purifier?'],
  ['bitter', 'A harsh flavour comes from too fine a grind or too long an extraction.', 'The espresso tastes burnt and unpleasant'],
  ['sour', 'An acidic cup means the shot ran too quickly: choose a finer setting.', 'My drink is tart like a lemon'],
  ['cold-cup', 'Rinse the spout with steam beforehand and warm your crockery on the tray on top.', 'What I pour is only lukewarm'],
  ['leak', 'A puddle beneath the housing usually stems from a worn gasket round the brewing unit.', 'There is liquid on my kitchen counter'],
  ['app-pairing', 'Open the companion application, allow Bluetooth and scan the square code under the lid.', 'Connect it with my phone'],
  ['wifi', 'Only networks on the 2.4 gigahertz band are seen by the machine.', 'It does not join our home router'],
  ['update', 'New firmware is installed at night; do not pull the plug while the ring blinks.', 'How does the software get newer versions?'],
  ['decaf', 'Ground powder without caffeine goes into the small shaft beside the hopper.', 'Something for people who sleep badly after coffee'],
  ['beans-storage', 'Keep roasted beans airtight, dark and at room temperature, never in the freezer.', 'Where do I put my supplies so that the aroma lasts?'],
  ['cleaning-tablets', 'Put a detergent pill into the brewing chamber once a week to remove oil.', 'Greasy residue builds up inside'],
  ['drip-tray', 'When the red float rises above the grid, pour away what has collected.', 'The bottom drawer is overflowing'],
  ['grounds-box', 'Spent pucks fall into a container holding fourteen portions; knock it out daily.', 'What happens with the used powder?'],
  ['height', 'Slide the outlet upwards to fit glasses of up to fourteen centimetres.', 'My tall mug does not fit'],
  ['two-cups', 'Press the symbol twice to brew a pair of portions at the same time.', 'Guests: a double serving at once'],
  ['profiles', 'Each member of the household can save strength and volume under their own name.', 'Everyone in our family likes it differently'],
  ['noise-night', 'The quiet programme grinds at half speed and skips the rinsing.', 'I do not want to wake the baby'],
  ['travel', 'Drain all pipes with the transport function before moving house in winter.', 'We relocate and it is freezing outside'],
  ['voltage', 'Models for North America run on 120 volts and cannot be used in Europe.', 'I moved from Boston to Berlin'],
  ['recycle', 'Bring worn-out appliances to any of our shops; metal and plastic are separated there.', 'How to dispose of an old device responsibly'],
  ['spare-parts', 'Seals, lids and knobs are delivered for ten years after a series ends.', 'Are replacement components still available for older series?'],
  ['invoice', 'A copy of your bill is in the account area under past purchases.', 'I need proof of what I paid for the tax office'],
  ['shipping', 'Parcels leave our depot on weekdays and arrive within two to four days.', 'When will my order be here?'],
  ['subscription', 'Fresh beans every month can be paused or ended whenever you wish.', 'Stop the regular deliveries while on holiday'],
  ['gift', 'We wrap parcels in paper with a handwritten card for a small surcharge.', 'It is a birthday present'],
  ['newsletter', 'Follow the link at the foot of any of our mailings to be taken off the list.', 'I get too much advertising'],
  ['password', 'Choose “forgotten” at the login and a message with a link reaches you within minutes.', 'I cannot get into my account any more'],
  ['privacy', 'The appliance sends nothing about you unless diagnosis is switched on.', 'Is somebody spying on our breakfast?'],
  ['steam-wand', 'Wipe the nozzle at once after frothing and blow a short burst through it.', 'Dried dairy clogs the tube'],
  ['pressure', 'The needle should rest near nine bar while espresso flows.', 'What does a correct gauge reading look like?'],
  ['tamper', 'Press the powder level with about fifteen kilograms of force.', 'How hard do I push down?'],
  ['dose', 'Eighteen grams of coffee make thirty-six grams in the cup.', 'What ratio is right for a double?'],
  ['tea', 'Draw hot water at eighty degrees for green leaves, boiling for black.', 'Can I make something other than coffee?'],
  ['chocolate', 'Cocoa must never go into the bean hopper; stir it into steamed milk.', 'The children want a sweet hot drink'],
  ['iced', 'Brew a short strong shot straight onto frozen cubes.', 'Refreshment for a summer afternoon'],
  ['oat', 'Barista versions of oat drinks froth best; shake the carton first.', 'Alternatives without animal products'],
  ['mould', 'Leave the brewing unit open to dry when you go away for longer.', 'Something furry grew while we were abroad'],
  ['insects', 'Sugar spills attract ants; wipe the drawer with vinegar.', 'Tiny crawling visitors around the machine'],
  ['thunder', 'Pull the plug during a storm, for lightning destroys the control board.', 'Bad weather is coming, is it in danger?'],
  ['altitude', 'In the mountains water boils sooner, so raise the temperature by two steps.', 'Brewing at a ski hut'],
  ['office', 'For more than forty servings a day we advise the series with a mains connection.', 'Which one suits a company with many employees?'],
  ['small-kitchen', 'The narrowest model is eighteen centimetres wide.', 'There is hardly any space on my worktop'],
  ['colour', 'Fronts come in red, cream and slate and are exchanged with two screws.', 'It should match the furniture'],
  ['repair-time', 'Our workshop needs about eight working days; a loan device is free.', 'How long will I be without it while it is fixed?'],
  ['engraving', 'A name of up to twelve letters can be cut into the metal plate.', 'Personalise the casing'],
  ['training', 'Every first Saturday our baristas teach latte art in the shop.', 'I want to learn to draw hearts in the froth'],
  ['jobs', 'Open positions are listed on the careers page; send a letter and a résumé.', 'Do you hire people?'],
  ['roasting', 'Light roasts keep the fruit of the berry, dark ones taste of cocoa and smoke.', 'What changes with the degree of browning?'],
  ['fair', 'We pay farmers a third above the world market price.', 'Are growers treated justly?'],
  ['caffeine', 'A single espresso holds about sixty-five milligrams.', 'How much of the stimulant do I swallow?'],
  ['pregnancy', 'Doctors advise expectant mothers to stay below two hundred milligrams a day.', 'Is it safe while having a baby?'],
  ['allergy', 'No nuts, milk or gluten touch our beans at any time.', 'My daughter must avoid peanuts'],
  ['opening', 'The shop is open from nine to seven, on Sundays from noon.', 'Can I visit you at the weekend?'],
]

const PARTS = ['pump', 'grinder motor', 'flow meter', 'heating element', 'brew unit', 'steam valve', 'tank sensor', 'door switch'] as const
const TROUBLES = [
  'does not answer',
  'answers too late',
  'draws too much current',
  'reports a value out of range',
  'moves only half of its way',
  'stays on for too long',
  'was not found at start',
  'is hotter than allowed',
  'lost its calibration',
] as const

const codeOf = (part: number, trouble: number): string => `${'EFGHKMPR'[part]}${3 + part}-${100 + 37 * trouble + 11 * part}`

/** Alike but for their codes, so that meaning cannot tell them apart. */
const FAULTS: readonly Article[] = PARTS.flatMap((part, p) =>
  TROUBLES.map((trouble, t) => ({
    id: codeOf(p, t),
    text: `Fault ${codeOf(p, t)}: the ${part} ${trouble}. Switch the machine off for a minute; if the fault comes again, call the service.`,
  })),
)

export const LIBRARY: readonly Article[] = [...ARTICLES.map(([id, text]) => ({ id, text })), ...FAULTS]

/** Every third code is asked for, in words that many articles have. */
const codes = FAULTS.map(({ id }) => id).filter((_, i) => i % 3 === 0)

export const QUESTIONS: readonly Question[] = [
  ...ARTICLES.map(([answer, , text]) => ({ text, answer, kind: 'MEANING' as const })),
  ...codes.map((answer, i) => ({
    text: i % 2 ? `What should I do about ${answer}?` : `The display of my coffee machine shows ${answer}`,
    answer,
    kind: 'EXACT' as const,
  })),
  ...codes.filter((_, i) => i % 2).map((answer) => ({ text: `${answer} came again although I restarted it, who can help?`, answer, kind: 'BOTH' as const })),
]
