// What one text says otherwise than another, line by line. Pure.

/** Beyond so many lines nobody reads it, and the search takes long: then all is told as taken out and put in. */
const MOST_CHANGED = 500;

/** Lines that stand around a change, to find it by. */
const AROUND = 3;

const lines = (text) => text.replaceAll("\r\n", "\n").split("\n");

/**
 * The shortest script from one list to the other (Myers, "An O(ND) Difference Algorithm"), as [sign, line] from the
 * first to the last; sign is " ", "-" or "+".
 */
function script(before, after) {
  const most = before.length + after.length;
  const furthest = new Map([[1, 0]]); // on each diagonal, how far of `before`
  const steps = [];
  for (let changed = 0; changed <= most; changed++) {
    if (changed > MOST_CHANGED) {
      return [...before.map((line) => ["-", line]), ...after.map((line) => ["+", line])];
    }
    steps.push(new Map(furthest));
    for (let diagonal = -changed; diagonal <= changed; diagonal += 2) {
      const down = diagonal === -changed || (diagonal !== changed && furthest.get(diagonal - 1) < furthest.get(diagonal + 1));
      let x = down ? furthest.get(diagonal + 1) : furthest.get(diagonal - 1) + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x++;
      furthest.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return back(steps, before, after);
    }
  }
  return [];
}

function back(steps, before, after) {
  const found = [];
  let x = before.length, y = after.length;
  for (let changed = steps.length - 1; changed >= 0; changed--) {
    const furthest = steps[changed];
    const diagonal = x - y;
    const down = diagonal === -changed || (diagonal !== changed && furthest.get(diagonal - 1) < furthest.get(diagonal + 1));
    const from = down ? diagonal + 1 : diagonal - 1;
    const fromX = furthest.get(from), fromY = fromX - from;
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      x--;
      y--;
      found.push([" ", before[x]]);
    }
    if (changed === 0) break;
    found.push(down ? ["+", after[fromY]] : ["-", before[fromX]]);
    x = fromX;
    y = fromY;
  }
  return found.reverse();
}

/** What differs, as pieces of lines that belong together: {from (line of `after`, from 1), lines: [[sign, line], …]}. */
export function difference(before, after) {
  const a = lines(before), b = lines(after);
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  let end = 0;
  while (end < a.length - same && end < b.length - same && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const all = [...a.slice(Math.max(0, same - AROUND), same).map((line) => [" ", line]),
    ...script(a.slice(same, a.length - end), b.slice(same, b.length - end)),
    ...a.slice(a.length - end, a.length - end + AROUND).map((line) => [" ", line])];
  const pieces = [];
  let line = Math.max(0, same - AROUND) + 1; // of `after`
  let piece, quiet = 0, held = [];
  for (const each of all) {
    if (each[0] === " ") {
      held.push(each);
      quiet++;
    } else {
      if (!piece || quiet > 2 * AROUND) {
        if (piece) piece.lines.push(...held.slice(0, AROUND));
        const before = held.slice(-AROUND);
        piece = {from: line - before.length, lines: before};
        pieces.push(piece);
      } else {
        piece.lines.push(...held);
      }
      piece.lines.push(each);
      held = [];
      quiet = 0;
    }
    if (each[0] !== "-") line++;
  }
  if (piece) piece.lines.push(...held.slice(0, AROUND));
  return pieces;
}
