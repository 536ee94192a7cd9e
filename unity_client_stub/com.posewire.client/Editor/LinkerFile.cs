using System.IO;
using UnityEditor.Build.Reporting;
using UnityEditor.UnityLinker;

namespace Posewire.Editor
{
    /// <summary>Unity reads no link.xml from installed packages: the build asks here for this one.</summary>
    internal sealed class LinkerFile : IUnityLinkerProcessor
    {
        internal const string InProject = "Packages/com.posewire.client/Runtime/link.xml";

        public int callbackOrder
        {
            get { return 0; }
        }

        public string GenerateAdditionalLinkXmlFile(BuildReport report, UnityLinkerBuildPipelineData data)
        {
            return Path.GetFullPath(InProject);
        }
    }
}
