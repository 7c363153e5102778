document.getElementById('root')?.append(document.title);
