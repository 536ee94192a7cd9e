using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Posewire.Tests")]
