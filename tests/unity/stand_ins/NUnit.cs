// The least of NUnit for the package's edit-mode tests, and what runs them.
using System;
using System.Reflection;

namespace NUnit.Framework
{
    public sealed class TestAttribute : Attribute { }
    public sealed class TestFixtureAttribute : Attribute { }
    public sealed class AssertionException : Exception { public AssertionException(string text) : base(text) { } }

    public static class Assert
    {
        public static void AreEqual(object expected, object found)
        {
            if (!Equals(expected, found)) throw new AssertionException("expected " + expected + ", found " + found);
        }

        public static void AreEqual(double expected, double found, double tolerance)
        {
            if (!(Math.Abs(expected - found) <= tolerance))
                throw new AssertionException("expected " + expected + " within " + tolerance + ", found " + found);
        }

        public static void IsTrue(bool fine) { if (!fine) throw new AssertionException("expected true"); }
        public static void IsFalse(bool fine) { if (fine) throw new AssertionException("expected false"); }

        public static T Throws<T>(Action body) where T : Exception
        {
            try
            {
                body();
            }
            catch (T error)
            {
                return error;
            }
            throw new AssertionException("expected " + typeof(T).Name);
        }

        public static void That(bool fine) { IsTrue(fine); }
    }

    /// <summary>Runs all tests of an assembly.</summary>
    public static class Runner
    {
        public static int Run(Assembly assembly)
        {
            int ran = 0, failed = 0;
            foreach (var type in assembly.GetTypes())
                foreach (var method in type.GetMethods())
                {
                    if (method.GetCustomAttributes(typeof(TestAttribute), false).Length == 0) continue;
                    ran++;
                    try
                    {
                        method.Invoke(Activator.CreateInstance(type), null);
                    }
                    catch (TargetInvocationException error)
                    {
                        failed++;
                        Console.WriteLine("FAILED " + type.Name + "." + method.Name + ": " + error.InnerException);
                    }
                }
            Console.WriteLine(ran + " tests, " + failed + " failures");
            return failed > 0 || ran == 0 ? 1 : 0;
        }
    }
}
