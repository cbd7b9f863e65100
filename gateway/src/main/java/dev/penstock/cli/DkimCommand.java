package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.PrintStream;
import java.net.UnknownHostException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.DkimConfig;
import dev.penstock.dkim.KeyFile;
import dev.penstock.dkim.KeyFileException;
import dev.penstock.dkim.KeyGenerator;
import dev.penstock.dkim.PublicKeyRecord;
import dev.penstock.dkim.PublicKeys;
import dev.penstock.dkim.PublishedKeys;
import dev.penstock.dkim.SignatureAlgorithm;
import dev.penstock.dkim.SigningKey;
import dev.penstock.dkim.Verification;
import dev.penstock.dkim.Verifier;

/** Makes keys for signatures, looks at published ones, verifies messages. Confined to the main thread. */
@Command(name = "dkim", description = "Make keys for signatures, look at published ones, verify messages.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class DkimCommand {
    private static final int FAILED = 1;
    private static final int USUAL_BITS = 2048;
    private static final int MOST_BITS = 4096; // more doesn't fit into a UDP answer, and verifiers needn't take it (RFC 8301 3.2)
    private static final String DNS = "A recursive DNS server, HOST or HOST:PORT; the system's when left out.";

    private final PrintStream out;
    private final PrintStream err;

    DkimCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    /** Kinds of keys. */
    enum Kind {
        RSA, ED25519
    }

    @Command(description = "Make a private key, readable for its owner alone, and print the record that belongs to it.", mixinStandardHelpOptions = true)
    int keygen(@Parameters(paramLabel = "KEY-FILE", description = "The file to make.") Path file,
            @Option(names = {"-a",
                "--algorithm"}, paramLabel = "KIND", defaultValue = "rsa", description = "${COMPLETION-CANDIDATES} (default ${DEFAULT-VALUE}). Many receivers don't know ed25519 yet.") Kind kind,
            @Option(names = {"-b",
                "--bits"}, paramLabel = "N", defaultValue = ""
                        + USUAL_BITS, description = "Of an RSA key (default ${DEFAULT-VALUE}).") int bits) {
        if (bits < KeyFile.LEAST_RSA_BITS || bits > MOST_BITS) {
            err.println("penstock: --bits " + bits + " is out of range; allowed: " + KeyFile.LEAST_RSA_BITS + " to "
                    + MOST_BITS);
            return ExitCode.USAGE;
        }
        try {
            KeyGenerator.write(file, kind == Kind.RSA
                    ? SignatureAlgorithm.RSA_SHA256
                    : SignatureAlgorithm.ED25519_SHA256, bits);
        } catch (FileAlreadyExistsException _) {
            err.println("penstock: " + file + " is there already; a key is never overwritten");
            return ExitCode.CANT_CREATE;
        } catch (IOException e) {
            err.println("penstock: " + file + " can't be made: " + e);
            return ExitCode.CANT_CREATE;
        }
        out.println(KeyFile.read(file).record());
        return ExitCode.OK;
    }

    @Command(name = "dns-record", description = "Print the record for a private key, as a zone file has it.", mixinStandardHelpOptions = true)
    int dnsRecord(@Parameters(paramLabel = "KEY-FILE", description = "The private key.") Path file,
            @Option(names = {"-d",
                "--domain"}, paramLabel = "DOMAIN", required = true, description = "Who signs (d=).") String domain,
            @Option(names = {"-s",
                "--selector"}, paramLabel = "SELECTOR", required = true, description = "Names the key.") String selector) {
        SigningKey key = key(file);
        if (key == null) {
            return ExitCode.NO_INPUT;
        }
        out.println(KeyGenerator.zoneRecord(domain, selector, key));
        return ExitCode.OK;
    }

    @Command(description = "Ask the DNS for a domain's keys and compare them with the private ones; exit code 1 when one is wrong.", mixinStandardHelpOptions = true)
    int check(@Parameters(paramLabel = "DOMAIN", description = "Who signs (d=).") String domain,
            @Option(names = {"-c",
                "--config"}, paramLabel = "FILE", description = "The gateway's configuration, which names selectors and keys.") @Nullable Path config,
            @Option(names = {"-s",
                "--selector"}, paramLabel = "SELECTOR", description = "Without a configuration: which key.") @Nullable String selector,
            @Option(names = {"-k",
                "--key"}, paramLabel = "FILE", description = "Without a configuration: the private key.") @Nullable Path key,
            @Option(names = "--dns", paramLabel = "SERVER", description = DNS) @Nullable String server) {
        Map<String, @Nullable Path> selectors = new HashMap<>();
        if (config != null) {
            switch (ConfigReader.read(config)) {
                case ConfigReader.Invalid(var problems) -> {
                    problems.forEach(err::println);
                    return ExitCode.CONFIG;
                }
                case ConfigReader.Valid valid -> valid.config().dkim().signatures().stream()
                        .filter(signature -> mayBe(signature, domain))
                        .forEach(signature -> selectors.put(signature.selector(), signature.keyFile(domain)));
            }
        } else if (selector != null) {
            selectors.put(selector, key);
        } else {
            err.println("penstock: --config or --selector is needed");
            return ExitCode.USAGE;
        }
        if (selectors.isEmpty()) {
            err.println("penstock: " + config + " has no signature for " + domain);
            return ExitCode.CONFIG;
        }
        PublicKeys dns = dns(server);
        if (dns == null) {
            return ExitCode.USAGE;
        }
        boolean fine = true;
        for (Map.Entry<String, @Nullable Path> one : selectors.entrySet().stream().sorted(Map.Entry.comparingByKey())
                .toList()) {
            String name = one.getKey() + "._domainkey." + domain;
            List<String> problems = problems(dns.find(name), one.getValue());
            if (problems.isEmpty()) {
                continue;
            }
            fine = false;
            problems.forEach(problem -> out.println(name + ": " + problem));
        }
        return fine ? ExitCode.OK : FAILED;
    }

    private static boolean mayBe(DkimConfig.Signature signature, String domain) {
        return signature.domain().isEmpty()
                ? signature.domains().stream().anyMatch(of -> of.equals("*") || of.equals(domain)
                        || of.startsWith(".") && domain.endsWith(of))
                : signature.domain().equals(domain);
    }

    /** Prints what is good, and gives what isn't. */
    private List<String> problems(PublicKeys.Answer answer, @Nullable Path file) {
        List<String> problems = new ArrayList<>();
        SigningKey key = null;
        if (file != null) {
            try {
                key = KeyFile.read(file);
            } catch (KeyFileException e) {
                problems.add(String.valueOf(e.getMessage()));
            }
        }
        switch (answer) {
            case PublicKeys.None _ -> problems.add("there is no such TXT record");
            case PublicKeys.Failed(String why) -> problems.add("can't be asked for: " + why);
            case PublicKeys.Found(List<String> texts) -> {
                if (texts.size() > 1) {
                    problems.add("there are " + texts.size() + " records; which one counts is anybody's guess");
                }
                problems.addAll(PublishedKeys.judge(texts.getFirst(), key));
                if (problems.isEmpty()) {
                    PublicKeyRecord record = PublicKeyRecord.parse(texts.getFirst());
                    out.println(record.keyType() + ", " + record.bits() + " bits"
                            + (record.testing() ? ", t=y: receivers are told that it is a test" : "")
                            + (key == null ? ", not compared with a private key" : ", belongs to " + file));
                }
            }
        }
        return problems;
    }

    @Command(description = "Verify the signatures of a message; exit code 1 when none passes.", mixinStandardHelpOptions = true)
    int verify(
            @Parameters(paramLabel = "FILE", description = "The message; lines that end with LF alone are taken for CRLF.") Path file,
            @Option(names = "--keys", paramLabel = "FILE", description = "Take public keys from here, not from the DNS: lines of SELECTOR._domainkey.DOMAIN, a space, and the record.") @Nullable Path keyFile,
            @Option(names = "--dns", paramLabel = "SERVER", description = DNS) @Nullable String server) {
        try {
            PublicKeys keys = keyFile == null
                    ? dns(server)
                    : PublishedKeys.published(Files.readAllLines(keyFile, UTF_8));
            if (keys == null) {
                return ExitCode.USAGE;
            }
            List<Verification> results = new Verifier(keys, InstantSource.system())
                    .verify(PublishedKeys.withLineEnds(Files.readAllBytes(file)));
            if (results.isEmpty()) {
                out.println("none");
            }
            results.forEach(one -> out.println(one.result().name().toLowerCase(Locale.ROOT) + " d="
                    + one.domain() + " s=" + one.selector() + " a=" + one.algorithm()
                    + (one.detail().isEmpty() ? "" : " (" + one.detail() + ")")));
            return results.stream().anyMatch(one -> one.result() == Verification.Result.PASS) ? ExitCode.OK : FAILED;
        } catch (NoSuchFileException e) {
            err.println("penstock: there is no file " + e.getFile());
            return ExitCode.NO_INPUT;
        } catch (IOException e) {
            err.println("penstock: " + e);
            return ExitCode.NO_INPUT;
        }
    }

    private @Nullable SigningKey key(Path file) {
        try {
            return KeyFile.read(file);
        } catch (KeyFileException e) {
            err.println("penstock: " + e.getMessage());
            return null;
        }
    }

    private @Nullable PublicKeys dns(@Nullable String server) {
        try {
            return new DnsTexts(server);
        } catch (UnknownHostException | IllegalArgumentException _) {
            err.println("penstock: " + server + " is no DNS server; expected an address, or one with a port");
            return null;
        }
    }
}
