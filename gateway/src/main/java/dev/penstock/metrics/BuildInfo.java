package dev.penstock.metrics;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** Which build this is, as Maven wrote it into the jar. Immutable. */
public final class BuildInfo {
    private static final String POM_PROPERTIES = "/META-INF/maven/dev.penstock/penstock-gateway/pom.properties";
    private static final String VERSION = read();

    private BuildInfo() {}

    /** {@code development} when the classes don't come from a jar. */
    public static String version() {
        return VERSION;
    }

    private static String read() {
        try (InputStream in = BuildInfo.class.getResourceAsStream(POM_PROPERTIES)) {
            Properties properties = new Properties();
            if (in != null) {
                properties.load(in);
            }
            return properties.getProperty("version", "development");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
