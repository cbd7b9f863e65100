package dev.penstock.policy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The policies of a directory of jars, with a class loader of their own. Immutable. */
final class Plugins implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Plugins.class);

    private final List<Plugin> all;
    private final @Nullable URLClassLoader loader;

    private Plugins(List<Plugin> all, @Nullable URLClassLoader loader) {
        this.all = List.copyOf(all);
        this.loader = loader;
    }

    /** Policies that are there already, in this order. */
    static Plugins of(List<MessagePolicy> policies) {
        return new Plugins(policies.stream().map(Plugin::new).toList(), null);
    }

    /**
     * Blocks while it reads the jars.
     *
     * @param directory empty for no plug-ins
     * @throws PluginException when there is none in it, or one can't be loaded
     */
    static Plugins load(Optional<Path> directory) {
        if (directory.isEmpty()) {
            return of(List.of());
        }
        Path path = directory.get();
        URLClassLoader loader = new URLClassLoader("policy-plugins", jars(path).toArray(URL[]::new),
                Plugins.class.getClassLoader());
        List<Plugin> plugins = new ArrayList<>();
        try {
            for (MessagePolicy policy : ServiceLoader.load(MessagePolicy.class, loader)) {
                Plugin plugin = new Plugin(policy);
                log.info("event=policy-loaded policy={} from={}", plugin.name(), path);
                plugins.add(plugin);
            }
        } catch (ServiceConfigurationError | RuntimeException | LinkageError e) {
            new Plugins(plugins, loader).close();
            throw new PluginException("policy.plugins: a policy in " + path + " can't be loaded: " + e.getMessage(), e);
        }
        if (plugins.isEmpty()) {
            new Plugins(plugins, loader).close();
            throw new PluginException("policy.plugins: no jar in " + path + " names an implementation of "
                    + MessagePolicy.class.getName() + " in META-INF/services");
        }
        return new Plugins(plugins, loader);
    }

    /** In the order of their names, so that the order of plug-ins can be chosen. */
    private static List<URL> jars(Path directory) {
        List<Path> jars = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(directory, "*.jar")) {
            found.forEach(jars::add);
            Collections.sort(jars);
            List<URL> urls = new ArrayList<>();
            for (Path jar : jars) {
                urls.add(jar.toUri().toURL());
            }
            return urls;
        } catch (MalformedURLException e) {
            throw new UncheckedIOException(e);
        } catch (IOException e) {
            throw new PluginException("policy.plugins: can't read the directory " + directory, e);
        }
    }

    List<Plugin> all() {
        return all;
    }

    int inFlight() {
        return all.stream().mapToInt(Plugin::inFlight).sum();
    }

    @Override
    public void close() {
        all.forEach(Plugin::close);
        if (loader != null) {
            try {
                loader.close();
            } catch (IOException e) {
                log.warn("event=policy-plugins-close-failed", e);
            }
        }
    }
}
