// A chart as a file: pictures as they are on screen, numbers all of them.

import { getSeries } from "../../api/http";
import type { Run } from "../../api/types";
import { chartSvg, save, svgToPng, type Picture } from "../../charts/line_picture";
import { toCsv, toJson, type Table } from "../../charts/tables";

export async function downloadPicture(tag: string, picture: Picture, format: "svg" | "png"): Promise<void> {
  const svg = chartSvg(picture);
  if (format === "svg") save(`${tag}.svg`, svg, "image/svg+xml");
  else save(`${tag}.png`, await svgToPng(svg));
}

export async function downloadTable(tag: string, runs: Run[], format: "csv" | "json"): Promise<void> {
  const tables = await Promise.all(runs.map(async (run): Promise<Table> => {
    const { steps, walls, values } = await getSeries({ run: run.id, tag });
    return { run: run.name, rows: Array.from(steps, (step, i) => [walls[i] as number, step, values[i] as number]) };
  }));
  if (format === "csv") save(`${tag}.csv`, toCsv(tables), "text/csv");
  else save(`${tag}.json`, toJson(tables), "application/json");
}
