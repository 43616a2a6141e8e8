/** Made by `world.ts` beside vite.config.ts: the address of the base map, GeoJSON. */
declare module "virtual:world" {
  const address: string;
  export default address;
}
