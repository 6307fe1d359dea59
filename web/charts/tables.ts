// Curves as text. One run: as TensorBoard's downloads have it; several: with the run's name before.

export interface Table {
  run: string;
  /** Wall time in seconds since 1970, step, value. */
  rows: [number, number, number][];
}

const field = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);

/** A 32-bit value with as many digits as tell it apart from its neighbours. */
export function shortest(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  for (let digits = 6; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(Number(value.toPrecision(9)));
}

export function toCsv(tables: Table[]): string {
  const one = tables.length === 1;
  const lines = [one ? "Wall time,Step,Value" : "Run,Wall time,Step,Value"];
  for (const { run, rows } of tables) {
    for (const [wall, step, value] of rows) {
      lines.push(`${one ? "" : `${field(run)},`}${wall},${step},${shortest(value)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

export function toJson(tables: Table[]): string {
  const rowsOf = (table: Table) =>
    table.rows.map(([wall, step, value]) => [wall, step, Number.isFinite(value) ? Number(shortest(value)) : null]);
  const only = tables.length === 1 ? tables[0] : undefined;
  return JSON.stringify(only ? rowsOf(only) : Object.fromEntries(tables.map((table) => [table.run, rowsOf(table)])));
}
