// Patterns with places for parameters: `{n}` puts one in, numbers grouped;
// `{n|photo|photos}` chooses by whether the parameter n is 1 (Chinese needs no such choice).

import { grouped } from "../charts/ticks";

export type Params = Record<string, string | number>;

export function fill(pattern: string, params: Params): string {
  return pattern.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
    const value = params[name];
    if (value === undefined) return whole;
    if (one !== undefined) return (value === 1 ? one : many) ?? "";
    return typeof value === "number" ? grouped(value) : value;
  });
}
