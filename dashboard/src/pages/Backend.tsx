export default function Backend() {
  return <h1>Backend</h1>;
}
