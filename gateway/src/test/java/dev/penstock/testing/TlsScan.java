package dev.penstock.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;

import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/**
 * What {@code sslscan} found out about a server. Immutable.
 *
 * @param enabledProtocols {@code SSLv3}, {@code TLSv1.2} …
 * @param ciphers          all that the server takes
 * @param groups           of key exchanges that the server takes
 * @param findings         weak points besides: compression, renegotiation, Heartbleed, weak groups. TLS_FALLBACK_SCSV is
 *                         left alone: it guards against TLS 1.1 and older (RFC 7507), and TLS 1.3 has its own guard
 */
public record TlsScan(List<String> enabledProtocols, List<Cipher> ciphers, List<String> groups,
        List<String> findings) {
    private static final int PATIENCE_SECONDS = 120;
    private static final int ENOUGH_BITS = 128;

    /** As OpenSSL names it. */
    public record Cipher(String protocol, String name, int bits) {}

    /** @param arguments of {@code sslscan}: {@code 127.0.0.1:25}, {@code --starttls-smtp} … */
    public static TlsScan of(String target, String... arguments) throws IOException, InterruptedException {
        Path report = Files.createTempFile("sslscan", ".xml");
        Path log = Files.createTempFile("sslscan", ".log");
        try {
            List<String> command = new ArrayList<>(
                    List.of(Peers.require("sslscan").toString(), "--no-colour", "--xml=" + report));
            command.addAll(List.of(arguments));
            command.add(target);
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile())
                    .start();
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
            assertThat(process.waitFor()).as(() -> text(log)).isZero();
            Document document = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(report.toFile());
            assertThat(document.getElementsByTagName("ssltest").getLength()).as(() -> text(log)).isOne();
            return read(document);
        } catch (ParserConfigurationException | SAXException e) {
            throw new IOException(e);
        } finally {
            Files.deleteIfExists(report);
            Files.deleteIfExists(log);
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static TlsScan read(Document document) {
        List<String> protocols = elements(document, "protocol").stream().filter(TlsScan::isEnabled)
                .map(protocol -> (protocol.getAttribute("type").equals("ssl") ? "SSLv" : "TLSv")
                        + protocol.getAttribute("version"))
                .toList();
        List<Cipher> ciphers = elements(document, "cipher").stream()
                .map(cipher -> new Cipher(cipher.getAttribute("sslversion"), cipher.getAttribute("cipher"),
                        Integer.parseInt(cipher.getAttribute("bits"))))
                .toList();
        List<String> groups = elements(document, "group").stream().map(group -> group.getAttribute("name")).toList();
        List<String> findings = new ArrayList<>();
        for (Element compression : elements(document, "compression")) {
            if (compression.getAttribute("supported").equals("1")) {
                findings.add("TLS compression");
            }
        }
        for (Element renegotiation : elements(document, "renegotiation")) {
            if (!renegotiation.getAttribute("supported").equals("0")
                    && !renegotiation.getAttribute("secure").equals("1")) {
                findings.add("insecure renegotiation");
            }
        }
        for (Element heartbleed : elements(document, "heartbleed")) {
            if (!heartbleed.getAttribute("vulnerable").equals("0")) {
                findings.add("Heartbleed under " + heartbleed.getAttribute("sslversion"));
            }
        }
        for (Element group : elements(document, "group")) {
            if (Integer.parseInt(group.getAttribute("bits")) < ENOUGH_BITS) {
                findings.add("weak group " + group.getAttribute("name"));
            }
        }
        return new TlsScan(protocols, ciphers, groups, List.copyOf(findings));
    }

    private static boolean isEnabled(Element protocol) {
        return protocol.getAttribute("enabled").equals("1");
    }

    private static List<Element> elements(Document document, String name) {
        NodeList found = document.getElementsByTagName(name);
        List<Element> elements = new ArrayList<>();
        for (int i = 0; i < found.getLength(); i++) {
            elements.add((Element) found.item(i));
        }
        return elements;
    }

    /** Forward secrecy, authenticated encryption, 128 bits at least. */
    public static void assertStrong(Cipher cipher) {
        assertThat(cipher.bits()).as(cipher.toString()).isGreaterThanOrEqualTo(ENOUGH_BITS);
        if (!cipher.protocol().equals("TLSv1.3")) { // whose ciphers all are
            assertThat(cipher.protocol()).as(cipher.toString()).isEqualTo("TLSv1.2");
            assertThat(cipher.name()).as(cipher.toString()).startsWith("ECDHE-")
                    .matches(".*-(GCM-SHA(256|384)|CHACHA20-POLY1305)");
        }
    }
}
