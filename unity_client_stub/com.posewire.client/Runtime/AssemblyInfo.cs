using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Posewire.Editor")]
[assembly: InternalsVisibleTo("Posewire.Tests")]
