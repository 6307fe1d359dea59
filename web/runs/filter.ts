// Filters as people type them: a regular expression, any case; while it is not a valid one (half
// typed), plain text.

export interface Filter {
  matches(text: string): boolean;
  valid: boolean;
}

export function makeFilter(text: string): Filter {
  const trimmed = text.trim();
  if (trimmed === "") return { matches: () => true, valid: true };
  try {
    const expression = new RegExp(trimmed, "i");
    return { matches: (name) => expression.test(name), valid: true };
  } catch {
    const lower = trimmed.toLowerCase();
    return { matches: (name) => name.toLowerCase().includes(lower), valid: false };
  }
}
