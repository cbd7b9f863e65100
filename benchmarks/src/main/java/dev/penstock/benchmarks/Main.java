package dev.penstock.benchmarks;

import java.util.ArrayList;
import java.util.List;

/** Runs JMH on the benchmarks whose names match the arguments; without arguments, on all of them. */
public final class Main {
    /** The gateway's own, see the launcher. */
    private static final List<String> JVM = List.of("-jvmArgsAppend",
            "-Xmx2g -XX:+UseCompactObjectHeaders --enable-native-access=ALL-UNNAMED");

    private Main() {}

    public static void main(String[] args) throws Exception {
        List<String> all = new ArrayList<>(List.of(args));
        all.addAll(JVM);
        org.openjdk.jmh.Main.main(all.toArray(String[]::new));
    }
}
