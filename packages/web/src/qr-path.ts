/** Dark modules as runs of one unit's height: `M3 5h4v1h-4z`. `modules` are rows of `size`, truthy where dark. */
export function qrPath(modules: ArrayLike<number>, size: number): string {
  let path = '';
  for (let row = 0; row < size; row += 1) {
    let column = 0;
    while (column < size) {
      const from = column;
      while (column < size && modules[row * size + column]) column += 1;
      if (column > from) path += `M${from} ${row}h${column - from}v1h-${column - from}z`;
      else column += 1;
    }
  }
  return path;
}
