import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.net.URL;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.xml.XMLConstants;
import javax.xml.transform.Source;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;
import javax.xml.validation.Validator;
import net.sf.saxon.s9api.Processor;
import net.sf.saxon.s9api.QName;
import net.sf.saxon.s9api.SaxonApiException;
import net.sf.saxon.s9api.XdmDestination;
import net.sf.saxon.s9api.XdmNode;
import net.sf.saxon.s9api.XdmNodeKind;
import net.sf.saxon.s9api.XsltExecutable;
import net.sf.saxon.s9api.Xslt30Transformer;
import net.sf.saxon.trans.XPathException;
import org.xml.sax.ErrorHandler;
import org.xml.sax.SAXParseException;

/**
 * Judges e-invoices by the official rules, each rule set compiled once. Reads a line per invoice, its
 * syntax and the file in Base64: `ZUGFERD PD94bWw…`. Answers each with a line per finding (severity, rule, place, text; tabs
 * between them) and an empty one.
 */
public class Validate {

    private static final String UBL = "external/schemas/ubl21/maindoc/UBL-";
    private static final String[] OF_UBL = {
        "schemas/xmldsig-core-schema.xsd", "schemas/XAdES01903v132-201601.xsd", "schemas/XAdES01903v141-201601.xsd",
        "schemas/CCTS_CCT_SchemaModule.xsd", UBL + "Invoice-2.1.xsd", UBL + "CreditNote-2.1.xsd",
    };
    private static final String[] OF_CII = {"external/schemas/2.4/en16931/FACTUR-X_EN16931.xsd"};
    private static final String EN16931 = "external/schematron/1.3.16/";
    private static final String XRECHNUNG = "external/schematron/3.0.2/";

    private static final Map<String, String[]> SCHEMAS = Map.of(
        "ZUGFERD", OF_CII, "XRECHNUNG", OF_CII, "XRECHNUNG_UBL", OF_UBL);
    private static final Map<String, String[]> STYLESHEETS = Map.of(
        "ZUGFERD", new String[] {EN16931 + "cii/EN16931-CII-validation.xslt", "external/schematron/2.4/FACTUR-X_EN16931.xslt"},
        "XRECHNUNG", new String[] {EN16931 + "cii/EN16931-CII-validation.xslt", XRECHNUNG + "XRechnung-CII-validation.xslt"},
        "XRECHNUNG_UBL", new String[] {EN16931 + "ubl/EN16931-UBL-validation.xslt", XRECHNUNG + "XRechnung-UBL-validation.xslt"});

    private static final Processor SAXON = new Processor(false);
    private static final Map<String, Schema> KNOWN_SCHEMAS = new HashMap<>();
    private static final Map<String, XsltExecutable> KNOWN_STYLESHEETS = new HashMap<>();
    private static final Map<String, XdmNode> KNOWN_CODES = new HashMap<>();

    public static void main(String[] none) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = lines.readLine()) != null; ) {
            int space = line.indexOf(' ');
            byte[] xml = Base64.getDecoder().decode(line.substring(space + 1));
            findings(line.substring(0, space), xml).forEach(System.out::println);
            System.out.println();
            System.out.flush();
        }
    }

    private static List<String> findings(String syntax, byte[] xml) throws Exception {
        List<String> found = new ArrayList<>();
        Validator validator = schema(syntax).newValidator();
        validator.setErrorHandler(new ErrorHandler() {
            public void warning(SAXParseException e) { found.add(finding("warning", "XSD", "", e.getMessage())); }
            public void error(SAXParseException e) { found.add(finding("fatal", "XSD", "", e.getMessage())); }
            public void fatalError(SAXParseException e) throws SAXParseException { throw e; }
        });
        try {
            validator.validate(new StreamSource(new ByteArrayInputStream(xml)));
        } catch (SAXParseException e) {
            return List.of(finding("fatal", "XML", "", e.getMessage()));
        }
        XdmNode invoice = SAXON.newDocumentBuilder().build(new StreamSource(new ByteArrayInputStream(xml)));
        for (String name : STYLESHEETS.get(syntax)) {
            XdmDestination report = new XdmDestination();
            Xslt30Transformer transformer = stylesheet(name).load30();
            transformer.setMessageHandler(message -> {});
            transformer.setResourceResolver(asked -> codes(name.substring(0, name.lastIndexOf('/') + 1) + asked.relativeUri));
            transformer.setGlobalContextItem(invoice);
            transformer.applyTemplates(invoice, report);
            collect(report.getXdmNode(), found);
        }
        return found;
    }

    /** What failed, of a report in SVRL. */
    private static void collect(XdmNode node, List<String> found) {
        for (XdmNode child : node.children()) {
            if (child.getNodeKind() != XdmNodeKind.ELEMENT) continue;
            String name = child.getNodeName().getLocalName();
            if (name.equals("failed-assert") || name.equals("successful-report")) {
                String severity = attribute(child, "flag", attribute(child, "role", "fatal"));
                found.add(finding(severity, attribute(child, "id", ""), attribute(child, "location", ""), child.getStringValue()));
            } else {
                collect(child, found);
            }
        }
    }

    private static String attribute(XdmNode node, String name, String otherwise) {
        String value = node.getAttributeValue(new QName(name));
        return value == null ? otherwise : value;
    }

    private static String finding(String severity, String rule, String place, String text) {
        return String.join("\t", Arrays.asList(severity, rule, place, text.strip().replaceAll("\\s+", " ")));
    }

    private static Schema schema(String syntax) throws Exception {
        if (!KNOWN_SCHEMAS.containsKey(syntax)) {
            SchemaFactory factory = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI);
            Source[] sources = Arrays.stream(SCHEMAS.get(syntax)).map(Validate::source).toArray(Source[]::new);
            KNOWN_SCHEMAS.put(syntax, factory.newSchema(sources));
        }
        return KNOWN_SCHEMAS.get(syntax);
    }

    private static XsltExecutable stylesheet(String name) throws Exception {
        if (!KNOWN_STYLESHEETS.containsKey(name)) {
            KNOWN_STYLESHEETS.put(name, SAXON.newXsltCompiler().compile(source(name)));
        }
        return KNOWN_STYLESHEETS.get(name);
    }

    /** What a stylesheet reads besides the invoice, parsed once. */
    private static Source codes(String name) throws XPathException {
        try {
            if (!KNOWN_CODES.containsKey(name)) {
                KNOWN_CODES.put(name, SAXON.newDocumentBuilder().build(source(name)));
            }
        } catch (SaxonApiException e) {
            throw new XPathException(e);
        }
        return KNOWN_CODES.get(name).getUnderlyingNode();
    }

    private static Source source(String name) {
        URL url = Validate.class.getClassLoader().getResource(name);
        if (url == null) throw new IllegalStateException("no jar has " + name);
        return new StreamSource(url.toString());
    }
}
